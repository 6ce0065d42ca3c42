"""The comparison that a rollout's step needs: there is one per Envoy, so at most one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout.client import Client
from turnout.delivery import sample
from turnout.delivery.evidence import Compared
from turnout.delivery.plan import Plan, Stage
from turnout.evidence.comparison import compared
from turnout.rollout.intent import Intent

PREFIX = "rollout "


class Comparing:
    """Who wants one says so in every tick; what nobody wants any more is ended."""

    def __init__(self, instance: Client | None) -> None:
        """None: on a cluster, where nobody compares. Raises ApiError, NotRunning."""
        self._instance = instance
        self._view: Mapping[str, Any] = instance.view("comparison") if instance else {}
        self._wanted: set[str] = set()

    def seen(self, intent: Intent) -> Compared | None:
        """What the rollout's own comparison has shown."""
        return compared(self._view, _by(intent))

    def want(self, intent: Intent, plan: Plan, stage: Stage) -> None:
        """It runs from now on. Raises ApiError, with 409 when another one runs."""
        assert self._instance is not None, "a rollout with a comparison does not begin on a cluster"
        self._wanted.add(_by(intent))
        if self._view.get("running") and self._view.get("by") == _by(intent):
            return
        self._view = self._instance.post("comparison", _order(intent, plan, stage))

    def end_others(self) -> None:
        """Raises ApiError, NotRunning."""
        by = str(self._view.get("by") or "")
        if self._instance and self._view.get("running") and by.startswith(PREFIX) and by not in self._wanted:
            self._instance.post("comparison", {"do": "stop", "id": self._view["id"]})


def _by(intent: Intent) -> str:
    return f"{PREFIX}{intent.namespace}/{intent.name}"


def _order(intent: Intent, plan: Plan, stage: Stage) -> dict[str, Any]:
    share = min((guard.tolerance for guard in plan.guards if guard.kind == "regressions"), default=None)
    return {
        "do": "start",
        "service": intent.versions.host,
        "namespace": intent.namespace,
        "from": intent.versions.stable,
        "to": intent.versions.candidate,
        "route": intent.versions.route,
        "sample": sample.of_percent(stage.percent).words,
        "methods": list(intent.methods),
        "baseline_percent": float(intent.baseline_percent),
        "seconds": None,
        "until_sure": False,
        "expectations": intent.expectations or None,
        "share": share,
        "by": _by(intent),
        "steer": False,
    }
