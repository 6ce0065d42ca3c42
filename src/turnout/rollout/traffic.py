"""Where requests go now, and where a rollout wants them: VirtualServices, read and patched over the API."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from turnout.client import Client
from turnout.client.change import Outcome, carry_out
from turnout.delivery import steering
from turnout.delivery.edit import Edit, Refusal
from turnout.delivery.plan import Routing
from turnout.error import TurnoutError
from turnout.resources.kinds import DESTINATION_RULE, VIRTUAL_SERVICE
from turnout.rollout.intent import Intent

SOMEBODY = "somebody has changed the routes without a command of Turnout: with kubectl, or in a file"


class Traffic:
    """The routes of one rollout's service, as they were when this was made."""

    def __init__(self, client: Client, intent: Intent) -> None:
        """Raises ApiError, NotRunning."""
        self._client = client
        self._intent = intent
        self._objects: Sequence[dict[str, Any]] = client.list(VIRTUAL_SERVICE)["items"]
        self.routing = steering.in_force(self._objects, intent.versions)
        """What is in force; None when it is nothing that a rollout would have made."""

    @property
    def strange(self) -> str:
        """What is in force instead."""
        return steering.strange(self._objects, self._intent.versions)

    def require(self, routing: Routing) -> None:
        """Raises TurnoutError when the routes are such that no rollout can move them, or a subset is not there."""
        rules = self._client.list(DESTINATION_RULE)["items"]
        self._edits(routing, known=steering.subsets(rules, self._intent.versions.host))

    def move(self, routing: Routing, why: str) -> Outcome | None:
        """Makes it so, and returns when Envoy serves it; None when it is so. Raises TurnoutError."""
        edits = self._edits(routing)
        if not edits:
            return None
        return carry_out(self._client, edits, self._objects, f"rollout {self._intent.name}: {why}")

    def _edits(self, routing: Routing, known: Collection[str] = ()) -> list[Edit]:
        intent = self._intent
        edits = steering.steer(
            self._objects,
            intent.versions,
            routing,
            methods=intent.methods,
            baseline_percent=intent.baseline_percent,
            sticky=intent.sticky,
            known=known,
        )
        if isinstance(edits, Refusal):
            raise TurnoutError(edits.message, edits.hint)
        return edits

    def by_whom(self) -> str:
        """Who made the routes what they are, if a command did."""
        specs = [obj["spec"] for obj in self._objects]
        for step in reversed(self._client.view("history")):
            if any(changed["after"] in specs for changed in step["objects"]) and not step.get("undone"):
                return _command(step)
        return SOMEBODY


def _command(step: Mapping[str, Any]) -> str:
    return f"turnout {step['command']}"
