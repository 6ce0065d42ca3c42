"""One change of several objects that route: all of it or none, acknowledged by Envoy, and remembered for `undo`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from turnout.client.client import Client
from turnout.delivery.edit import Edit, sticky_of, stuck
from turnout.delivery.operations import operations
from turnout.error import ApiError, TurnoutError
from turnout.resources.kinds import GRPC_ROUTE, HTTP_ROUTE, TCP_ROUTE, TLS_ROUTE, VIRTUAL_SERVICE, Kind

ACKNOWLEDGE_SECONDS = 15
MOST_ATTEMPTS = 10
PAUSE_SECONDS = 0.02
REFUSED_IN_BETWEEN = (409, 422)
"""What a guarded patch meets where somebody wrote in between: ours says 409, Kubernetes 422 to a failed `test`."""

ROUTING: Final = (VIRTUAL_SERVICE, HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE)
"""Kinds that say where requests go, and how much of them."""
_BY_NAME: Final = {kind.kind: kind for kind in ROUTING}

Object = dict[str, Any]
Key = tuple[Kind, str, str]
"""Kind, namespace, name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`acknowledged`: Envoy serves it; None: accepted, but nobody says when it is in force.

    `seconds`: from the first patch to that.
    """

    acknowledged: bool | None
    seconds: float
    objects: Sequence[Object] = ()


@dataclass(frozen=True, slots=True)
class Attempted:
    """Edits, the objects that they were made from, and what came of them."""

    edits: Sequence[Edit]
    before: list[Object]
    outcome: Outcome


def routing(client: Client) -> list[Object]:
    """Every object that says where requests go. A cluster may lack kinds, or let nobody see them. Raises ApiError."""
    return [obj for kind in ROUTING for obj in _all(client, kind)]


def _all(client: Client, kind: Kind) -> Sequence[Object]:
    try:
        return [{"kind": kind.kind, **obj} for obj in client.list(kind)["items"]]
    except ApiError as error:
        if error.status == 403:
            return _own(client, kind)
        if error.status == 404 and kind is not VIRTUAL_SERVICE:
            return []
        raise


def _own(client: Client, kind: Kind) -> Sequence[Object]:
    """Those of the client's namespace, where those of all may not be read."""
    client.unseen.add(kind.kind)
    try:
        return [{"kind": kind.kind, **obj} for obj in client.list(kind, client.namespace)["items"]]
    except ApiError as error:
        if error.status in (403, 404) and kind is not VIRTUAL_SERVICE:
            return []
        raise


def attempt(client: Client, plan: Callable[[list[Object]], Sequence[Edit]], command: str) -> Attempted:
    """Plans from what is there and carries it out; where somebody else wrote in between, from what is there then.

    Nothing is done without edits. Raises as `carry_out` and `plan` do.
    """
    before = routing(client)
    for left in reversed(range(MOST_ATTEMPTS)):
        edits = plan(before)
        if not edits:
            return Attempted((), before, Outcome(acknowledged=True, seconds=0.0))
        try:
            return Attempted(edits, before, carry_out(client, edits, before, command))
        except ApiError as error:
            if not left or error.status not in REFUSED_IN_BETWEEN:
                raise
            time.sleep(PAUSE_SECONDS)
            newer = _newer(client, edits, before)
            if newer is None:
                raise
            before = newer
    raise AssertionError("the last attempt returns or raises")


def _newer(client: Client, edits: Sequence[Edit], before: Sequence[Object]) -> list[Object] | None:
    """With the edited objects as they are now; None: they are what the edits were made from.

    Read alone, and not in lists: the shorter this takes, the less anybody else can do meanwhile.
    """
    now = {key: {"kind": key[0].kind, **client.get(*key)} for key in map(_edited, edits)}
    known = _by_name(before)
    if all(_version(obj) == _version(known[key]) for key, obj in now.items()):
        return None
    return list({**known, **now}.values())


def _version(obj: Object) -> str:
    version: str = obj["metadata"]["resourceVersion"]
    return version


def carry_out(client: Client, edits: Sequence[Edit], before: Sequence[Object], command: str) -> Outcome:
    """Dry-runs all, patches each guarded by resourceVersion, restores on failure, waits for Envoy.

    `before`: the objects that the edits were made from. Raises ApiError when the API refuses, TurnoutError when
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
    acknowledged = all(_acknowledged(client, obj) for obj in patched) if _tell(client, patched) else None
    return Outcome(acknowledged, time.perf_counter() - started, patched)


def _tell(client: Client, objects: Sequence[Object]) -> bool:
    """Whether their status says when they are in force."""
    return client.acknowledges or all("observedGeneration" in (obj.get("status") or {}) for obj in objects)


def _patch(client: Client, edit: Edit, *, dry_run: bool = False, change: tuple[str, int] | None = None) -> Object:
    return client.patch(*_edited(edit), list(edit.operations), type="json", dry_run=dry_run, change=change)


def _edited(edit: Edit) -> Key:
    return _BY_NAME[edit.kind], edit.namespace, edit.name


def _key(obj: Object) -> Key:
    return _BY_NAME[obj.get("kind", VIRTUAL_SERVICE.kind)], obj["metadata"]["namespace"], obj["metadata"]["name"]


def _by_name(objects: Sequence[Object]) -> Mapping[Key, Object]:
    return {_key(obj): obj for obj in objects}


def _restore(client: Client, patched: Sequence[Object], before: Mapping[Key, Object]) -> None:
    for obj in patched:
        key = _key(obj)
        client.patch(*key, _back(obj, before[key]["spec"], sticky_of(before[key])), type="json")


def _back(obj: Object, spec: Mapping[str, Any], sticky: str | None) -> list[Mapping[str, Any]]:
    version = obj["metadata"]["resourceVersion"]
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        *operations(("spec",), obj["spec"], spec),
        *stuck(obj, sticky),
    ]


def _acknowledged(client: Client, obj: Object) -> bool:
    """Until the object's status says that Envoy serves this generation. False when that takes too long."""
    meta = obj["metadata"]
    wanted = meta["generation"]
    if _served(obj, wanted):
        return True
    watch = client.watch(_key(obj)[0], meta["namespace"], meta["resourceVersion"], ACKNOWLEDGE_SECONDS)
    return any(seen.get("metadata", {}).get("name") == meta["name"] and _served(seen, wanted) for _, seen in watch)


def _served(obj: Object, generation: int) -> bool:
    status = obj.get("status") or {}
    if _observed(obj, status) < generation:
        return False
    if any(c.get("type") == "Reconciled" and c.get("status") == "False" for c in status.get("conditions", ())):
        raise TurnoutError(
            "Envoy rejected the change; the last good configuration stays in force", "see turnout status"
        )
    return True


def _observed(obj: Object, status: Mapping[str, Any]) -> int:
    """The generation that the status is about; of a route of Gateway API, what every parent's conditions are about."""
    if _key(obj)[0] is VIRTUAL_SERVICE:
        return int(status.get("observedGeneration", 0))
    conditions = [each for parent in status.get("parents") or () for each in parent.get("conditions") or ()]
    return min((int(each.get("observedGeneration", 0)) for each in conditions), default=0)


def _remember(client: Client, command: str, patched: Sequence[Object], before: Mapping[Key, Object]) -> None:
    steps = []
    for obj in patched:
        key = _key(obj)
        was, sticky = before[key], [sticky_of(before[key]), sticky_of(obj)]
        more = {"sticky": sticky} if sticky[0] != sticky[1] else {}
        if was["spec"] != obj["spec"] or more:
            named = {"kind": key[0].kind, "namespace": key[1], "name": key[2]}
            steps.append({**named, "before": was["spec"], "after": obj["spec"], **more})
    if steps:
        client.post("history", {"command": command, "at": time.time(), "objects": steps})


def undo(client: Client, step: Mapping[str, Any]) -> Outcome:
    """Takes a step of the history back. Raises TurnoutError as `restore` does."""
    outcome = restore(client, step["objects"])
    client.post("history", {"undone": step["number"]})
    return outcome


def restore(client: Client, steps: Sequence[Mapping[str, Any]]) -> Outcome:
    """Puts every object back to what it was before a remembered step.

    That is its spec, and where the step has changed that, what its splits stick to (`sticky`: before and after).
    Raises TurnoutError when an object has changed since: what others did is not undone silently.
    """
    started = time.perf_counter()
    change = (uuid.uuid4().hex, len(steps))
    keys = [_stepped(step) for step in steps]
    live = {key: client.get(*key) for key in keys}
    for key, step in zip(keys, steps, strict=True):
        if not _is_as_left(live[key], step):
            raise TurnoutError(
                f"{key[0].kind} {key[1]}/{key[2]} has changed since, so the step is not undone",
                "set the weights you want with turnout shift",
            )
    patched = []
    for key, step in zip(keys, steps, strict=True):
        sticky = step["sticky"][0] if "sticky" in step else sticky_of(live[key])
        patched.append(client.patch(*key, _back(live[key], step["before"], sticky), type="json", change=change))
    acknowledged = all(_acknowledged(client, obj) for obj in patched) if _tell(client, patched) else None
    return Outcome(acknowledged, time.perf_counter() - started, patched)


def _stepped(step: Mapping[str, Any]) -> Key:
    """Which object a step of the history is about; earlier ones were all of VirtualServices."""
    return _BY_NAME[step.get("kind", VIRTUAL_SERVICE.kind)], step["namespace"], step["name"]


def _is_as_left(obj: Object, step: Mapping[str, Any]) -> bool:
    return obj["spec"] == step["after"] and ("sticky" not in step or sticky_of(obj) == step["sticky"][1])
