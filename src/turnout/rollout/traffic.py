"""Where requests go now, and where a rollout wants them: VirtualServices, read and patched over the API."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from turnout.client import Client
from turnout.client.change import Outcome, carry_out
from turnout.delivery import steering
from turnout.delivery.edit import Edit, Refusal
from turnout.delivery.plan import Routing
from turnout.delivery.steered_route import steered_routes
from turnout.error import TurnoutError
from turnout.inputs.apply import last_applied, source_of
from turnout.resources.kinds import DESTINATION_RULE, VIRTUAL_SERVICE
from turnout.rollout.cluster import writer
from turnout.rollout.intent import Intent

SOMEBODY = "somebody without a command of Turnout: with kubectl, for example"
REMEMBER_SECONDS = 0.3
LOOK_SECONDS = 0.05


class Traffic:
    """The routes of one rollout's service, as they were when this was made."""

    def __init__(self, client: Client, intent: Intent, instance: Client | None, namespace: str = "") -> None:
        """`instance`: who keeps a history of commands; None: nobody does. `namespace`: where to look, unless in all.

        Raises ApiError, NotRunning.
        """
        self._client = client
        self._intent = intent
        self._instance = instance
        self._namespace = namespace
        self._objects: Sequence[dict[str, Any]] = client.list(VIRTUAL_SERVICE, namespace)["items"]
        self.routing = steering.in_force(self._objects, intent.versions)
        """What is in force; None when it is nothing that a rollout would have made."""

    @property
    def strange(self) -> str:
        """What is in force instead."""
        return steering.strange(self._objects, self._intent.versions)

    def require(self, routing: Routing) -> None:
        """Raises TurnoutError when the routes are such that no rollout can move them, or a subset is not there."""
        rules = self._client.list(DESTINATION_RULE, self._namespace)["items"]
        self._edits(routing, known=steering.subsets(rules, self._intent.versions.host))

    def move(self, routing: Routing, why: str) -> Outcome | None:
        """Makes it so, and returns when Envoy serves it; None when it is so. Raises TurnoutError.

        On a cluster it returns when the API has accepted it: nobody there says when the proxies have it.
        """
        edits = self._edits(routing)
        if not edits:
            return None
        if self._instance is None:
            return _accepted(self._client, edits)
        return carry_out(self._client, edits, self._objects, _title(self._intent) + why)

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
        """Who made the routes what they are: a command, a saved file, or somebody. Raises ApiError, NotRunning."""
        if self._instance is None:
            return writer(tuple(self._ours)) or SOMEBODY
        until = time.monotonic() + REMEMBER_SECONDS
        while (whom := self._commanded()) is None and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)  # a command is in the history a moment after what it did
        return whom or self._filed() or SOMEBODY

    def _commanded(self) -> str | None:
        """The newest step of each VirtualService tells, if that is as the step left it."""
        assert self._instance is not None
        live = {_key(obj["metadata"]): obj["spec"] for obj in self._ours}
        for step in reversed(self._instance.view("history")):
            for changed in step["objects"]:
                if (spec := live.get(_key(changed))) is None:
                    continue
                undone = step.get("undone")
                if spec == changed["before" if undone else "after"]:
                    if not self._is_own(step) or undone:
                        return (
                            f"turnout undo (of turnout {step['command']})" if undone else f"turnout {step['command']}"
                        )
                    del live[_key(changed)]
                elif not undone:
                    return None
        return None

    def _filed(self) -> str | None:
        """Which file says the same, of those that have been applied."""
        for obj in self._ours:
            source, applied = source_of(obj), last_applied(obj)
            if source and applied and applied["spec"].get("http") == obj["spec"].get("http"):
                return f"{Path(source[0]).name}, a saved file"
        return None

    @property
    def _ours(self) -> Iterator[Mapping[str, Any]]:
        """The VirtualServices that the rollout moves."""
        steered = steered_routes(self._objects, self._intent.versions)
        keys = {_key(each.virtual_service["metadata"]) for each in steered}
        return (obj for obj in self._objects if _key(obj["metadata"]) in keys)

    def _is_own(self, step: Mapping[str, Any]) -> bool:
        return str(step["command"]).startswith(_title(self._intent))


def _accepted(client: Client, edits: Sequence[Edit]) -> Outcome:
    """All of them tried first. Whoever wrote meanwhile is not overwritten (409): the next look sees what he did."""
    started = time.perf_counter()
    for dry_run in (True, False) if len(edits) > 1 else (False,):
        for edit in edits:
            operations = list(edit.operations)
            client.patch(VIRTUAL_SERVICE, edit.namespace, edit.name, operations, type="json", dry_run=dry_run)
    return Outcome(acknowledged=None, seconds=time.perf_counter() - started)


def _title(intent: Intent) -> str:
    """What the history calls what a rollout does."""
    return f"rollout {intent.name}: "


def _key(named: Mapping[str, Any]) -> tuple[str, str]:
    return named["namespace"], named["name"]
