"""One change of several VirtualServices: all of it or none, acknowledged by Envoy, and remembered for `undo`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.client.client import Client
from turnout.delivery.edit import Edit, sticky_of, stuck
from turnout.error import ApiError, TurnoutError
from turnout.resources.kinds import VIRTUAL_SERVICE

ACKNOWLEDGE_SECONDS = 15

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`acknowledged`: Envoy serves it. `seconds`: from the first patch to that."""

    acknowledged: bool
    seconds: float
    objects: Sequence[Object] = ()


def carry_out(client: Client, edits: Sequence[Edit], before: Sequence[Object], command: str) -> Outcome:
    """Dry-runs all, patches each guarded by resourceVersion, restores on failure, waits for Envoy.

    `before`: the VirtualServices that the edits were made from. Raises ApiError when the API refuses, TurnoutError when
    Envoy does; the objects then stay as patched, and `restore` takes them back.
    """
    started = time.perf_counter()
    if len(edits) > 1:
        for edit in edits:
            _patch(client, edit, dry_run=True)
    change = uuid.uuid4().hex
    patched: list[Object] = []
    for edit in edits:
        try:
            patched.append(_patch(client, edit, change=(change, len(edits))))
        except ApiError:
            _restore(client, patched, _by_name(before))
            raise
    _remember(client, command, patched, _by_name(before))  # also what Envoy then rejects can be undone
    acknowledged = all(_acknowledged(client, obj) for obj in patched)
    return Outcome(acknowledged, time.perf_counter() - started, patched)


def _patch(client: Client, edit: Edit, *, dry_run: bool = False, change: tuple[str, int] | None = None) -> Object:
    operations = list(edit.operations)
    return client.patch(
        VIRTUAL_SERVICE, edit.namespace, edit.name, operations, type="json", dry_run=dry_run, change=change
    )


def _by_name(objects: Sequence[Object]) -> Mapping[tuple[str, str], Object]:
    return {(obj["metadata"]["namespace"], obj["metadata"]["name"]): obj for obj in objects}


def _restore(client: Client, patched: Sequence[Object], before: Mapping[tuple[str, str], Object]) -> None:
    for obj in patched:
        key = obj["metadata"]["namespace"], obj["metadata"]["name"]
        operations = _back(obj, before[key]["spec"], sticky_of(before[key]))
        client.patch(VIRTUAL_SERVICE, *key, operations, type="json")


def _back(obj: Object, spec: Mapping[str, Any], sticky: str | None) -> list[Mapping[str, Any]]:
    version = obj["metadata"]["resourceVersion"]
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/spec", "value": spec},
        *stuck(obj, sticky),
    ]


def _acknowledged(client: Client, obj: Object) -> bool:
    """Until the object's status says that Envoy serves this generation. False when that takes too long."""
    meta = obj["metadata"]
    wanted = meta["generation"]
    if _served(obj, wanted):
        return True
    watch = client.watch(VIRTUAL_SERVICE, meta["namespace"], meta["resourceVersion"], ACKNOWLEDGE_SECONDS)
    return any(seen.get("metadata", {}).get("name") == meta["name"] and _served(seen, wanted) for _, seen in watch)


def _served(obj: Object, generation: int) -> bool:
    status = obj.get("status") or {}
    if status.get("observedGeneration", 0) < generation:
        return False
    if any(c.get("type") == "Reconciled" and c.get("status") == "False" for c in status.get("conditions", ())):
        raise TurnoutError(
            "Envoy rejected the change; the last good configuration stays in force", "see turnout status"
        )
    return True


def _remember(
    client: Client, command: str, patched: Sequence[Object], before: Mapping[tuple[str, str], Object]
) -> None:
    steps = []
    for obj in patched:
        key = (obj["metadata"]["namespace"], obj["metadata"]["name"])
        was, sticky = before[key], [sticky_of(before[key]), sticky_of(obj)]
        more = {"sticky": sticky} if sticky[0] != sticky[1] else {}
        if was["spec"] != obj["spec"] or more:
            steps.append({"namespace": key[0], "name": key[1], "before": was["spec"], "after": obj["spec"], **more})
    if steps:
        client.post("history", {"command": command, "at": time.time(), "objects": steps})


def undo(client: Client, step: Mapping[str, Any]) -> float:
    """Takes a step of the history back; seconds until Envoy serves it. Raises TurnoutError as `restore` does."""
    seconds = restore(client, step["objects"])
    client.post("history", {"undone": step["number"]})
    return seconds


def restore(client: Client, steps: Sequence[Mapping[str, Any]]) -> float:
    """Puts every object back to what it was before a remembered step; seconds until Envoy serves it.

    That is its spec, and where the step has changed that, what its splits stick to (`sticky`: before and after).
    Raises TurnoutError when an object has changed since: what others did is not undone silently.
    """
    started = time.perf_counter()
    change = (uuid.uuid4().hex, len(steps))
    live = {(s["namespace"], s["name"]): client.get(VIRTUAL_SERVICE, s["namespace"], s["name"]) for s in steps}
    for step in steps:
        if not _is_as_left(live[step["namespace"], step["name"]], step):
            raise TurnoutError(
                f"VirtualService {step['namespace']}/{step['name']} has changed since, so the step is not undone",
                "set the weights you want with turnout shift",
            )
    patched = []
    for step in steps:
        key = (step["namespace"], step["name"])
        sticky = step["sticky"][0] if "sticky" in step else sticky_of(live[key])
        operations = _back(live[key], step["before"], sticky)
        patched.append(client.patch(VIRTUAL_SERVICE, *key, operations, type="json", change=change))
    for obj in patched:
        _acknowledged(client, obj)
    return time.perf_counter() - started


def _is_as_left(obj: Object, step: Mapping[str, Any]) -> bool:
    return obj["spec"] == step["after"] and ("sticky" not in step or sticky_of(obj) == step["sticky"][1])
