"""VirtualServices changed for a comparison, and put back: as one change, remembered so that `undo` knows of it."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from turnout.apiserver.patch import Patch
from turnout.apiserver.store import Change, Store
from turnout.control.comparison_order import Order
from turnout.control.journal import ChangeHistory
from turnout.delivery import steering
from turnout.delivery.comparison_rule import bare, without_copies
from turnout.delivery.edit import Edit, Refusal
from turnout.delivery.plan import Routing
from turnout.delivery.steered_route import Versions, steered_routes
from turnout.error import ApiError
from turnout.resources.kinds import VIRTUAL_SERVICE

_PLACE = re.compile(r"http\[\d+\]")

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Steered:
    """What was changed. `objects`: as a step of the history has them (`namespace`, `name`, `before`, `after`)."""

    number: int
    objects: Sequence[Object]

    def as_json(self) -> dict[str, Any]:
        """For `from_json`."""
        return {"number": self.number, "objects": list(self.objects)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Steered:
        """What `as_json` gave."""
        return cls(data["number"], data["objects"])


class Steering:
    """All writes are done when a method returns; Envoy may not know yet."""

    def __init__(self, store: Store, history: ChangeHistory) -> None:
        self._store = store
        self._history = history
        self._looked: tuple[int, Order] | None = None
        self._flows = False

    def named(self, order: Order) -> Order:
        """The same by its route's name: where a route stands changes with the rules that are put before it.

        Raises ApiError.
        """
        if order.route is None or not _PLACE.fullmatch(order.route):
            return order
        everything = replace(order, route=None)
        here, all_of_them = (steered_routes(self._live(), each.versions) for each in (order, everything))
        if here == [replace(each, versions=order.versions) for each in all_of_them]:
            return everything
        names = {route.route.get("name", "") for route in here}
        if len(names) == 1 and (name := names.pop()):
            return replace(order, route=name)
        raise _refused(Refusal(f"{order.route} has no name of its own", "give the route a `name`, and say that"))

    def on(self, order: Order, command: str) -> Steered | None:
        """Copies flow; None: they did already. Raises ApiError when the routes are not such that they could."""
        versions = order.versions
        live = self._live()
        routing = steering.in_force(live, versions)
        if routing is None:
            raise _refused(Refusal(steering.strange(live, versions), "name one route with --route, or undo that first"))
        wanted = replace(routing, mirror_percent=order.sampled.percent, compare=True)
        return self._change(_edits(live, order, wanted), command)

    def flows(self, order: Order) -> bool:
        """Whether the copies that `on` asked for are still wanted by the live objects. Free while nobody writes."""
        look = self._store.revision, order
        if look != self._looked:
            routing = steering.in_force(self._live(), order.versions)
            self._looked, self._flows = look, routing is not None and routing.compare
        return self._flows

    def off(self, order: Order, steered: Steered | None) -> bool:
        """Everything as it was before `on`. False: somebody else has changed it since, so only the copies are gone."""
        whole = steered is not None and self._put_back(steered)
        if not whole:
            self._change(without_copies(self._live(), order.versions), "")
        if steered is not None:
            self._history.mark_undone(steered.number)
            self._forget_copies(order.versions, steered.number)
        return whole

    def _put_back(self, steered: Steered) -> bool:
        """Those that nobody has touched. Whether these were all."""
        mine = [each for each in steered.objects if self._spec(each) == each["after"]]
        change = Change(uuid.uuid4().hex, len(mine))
        for each in mine:
            patch = Patch("json", [{"op": "replace", "path": "/spec", "value": each["before"]}])
            self._store.patch(VIRTUAL_SERVICE, each["namespace"], each["name"], patch, change=change)
        return len(mine) == len(steered.objects)

    def _forget_copies(self, versions: Versions, number: int) -> None:
        """What was changed since can be undone, though the copies that were there then are gone."""
        for step in self._history.all():
            if step["number"] > number:
                self._history.replace({**step, "objects": [_bare(each, versions) for each in step["objects"]]})

    def _spec(self, each: Object) -> Any:
        found = self._store.get(VIRTUAL_SERVICE, each["namespace"], each["name"])
        return None if found is None else found["spec"]

    def _live(self) -> list[Object]:
        return self._store.list(VIRTUAL_SERVICE)

    def _change(self, edits: Sequence[Edit], command: str) -> Steered | None:
        """All or nothing: they are tried before the first is written."""
        for edit in edits:
            self._patch(edit, dry_run=True)
        change = Change(uuid.uuid4().hex, len(edits))
        objects = [self._patched(edit, change) for edit in edits]
        if not objects:
            return None
        if not command:
            return Steered(0, objects)
        step = self._history.add({"command": command, "at": time.time(), "objects": objects})
        return Steered(step["number"], objects)

    def _patched(self, edit: Edit, change: Change) -> dict[str, Any]:
        before = self._spec({"namespace": edit.namespace, "name": edit.name})
        after = self._patch(edit, change=change)["spec"]
        return {"namespace": edit.namespace, "name": edit.name, "before": before, "after": after}

    def _patch(self, edit: Edit, *, dry_run: bool = False, change: Change | None = None) -> dict[str, Any]:
        patch = Patch("json", list(edit.operations))
        return self._store.patch(VIRTUAL_SERVICE, edit.namespace, edit.name, patch, dry_run=dry_run, change=change)


def _bare(changed: Object, versions: Versions) -> Object:
    meta = {"namespace": changed["namespace"], "name": changed["name"]}
    specs = {when: bare({"metadata": meta, "spec": changed[when]}, versions) for when in ("before", "after")}
    return {**changed, **specs}


def _edits(live: Sequence[Object], order: Order, routing: Routing) -> list[Edit]:
    edits = steering.steer(live, order.versions, routing, methods=order.methods, baseline_percent=order.baseline)
    if isinstance(edits, Refusal):
        raise _refused(edits)
    return edits


def _refused(refusal: Refusal) -> ApiError:
    return ApiError(422, "Invalid", refusal.message, refusal.hint)
