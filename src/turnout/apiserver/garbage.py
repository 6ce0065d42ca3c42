"""What a delete entails: finalizers, dependents, and what a namespace holds. Kubernetes' garbage collector, at once.

On a cluster this takes a while; here it is done when the delete is answered, save for what finalizers keep.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from turnout.apiserver.history import Change
from turnout.apiserver.metadata import Key, key_of
from turnout.apiserver.ownership import stamp
from turnout.resources.kinds import NAMESPACE, Kind

Policy = Literal["Background", "Foreground", "Orphan"]

FOREGROUND: Final = "foregroundDeletion"
"""The finalizer of an owner that waits for its dependents."""

Object = dict[str, Any]
Ref = tuple[Kind, Key]
Steps = list[tuple[Ref, Policy]]


class Objects(Protocol):
    """The store, as far as a delete needs it."""

    def at(self, ref: Ref) -> Object | None:
        """The store's own object: not to be changed."""

    def put(self, ref: Ref, obj: Object, change: Change | None) -> None:
        """Writes the object anew."""

    def drop(self, ref: Ref, change: Change | None) -> None:
        """Writes that it is gone."""


class Garbage:
    """Who belongs to whom, and what follows from that. `seen` is to be told of every write."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._by_uid: dict[str, Ref] = {}
        self._dependents: dict[str, dict[Ref, None]] = {}
        """Uid of an owner → what names it, also when the owner is not there."""
        self._inside: dict[str, dict[Ref, None]] = {}
        """Namespace → what lives in it."""

    def seen(self, kind: Kind, obj: Object | None, previous: Object | None) -> None:
        """`obj` has taken the place of `previous`; None: there is none, or was none."""
        if previous is not None:
            self._forget((kind, key_of(previous)), previous)
        if obj is not None:
            self._learn((kind, key_of(obj)), obj)

    def _learn(self, ref: Ref, obj: Object) -> None:
        self._by_uid[obj["metadata"]["uid"]] = ref
        for owner in _owners(obj):
            self._dependents.setdefault(owner["uid"], {})[ref] = None
        if ref[0].namespaced:
            self._inside.setdefault(ref[1][0], {})[ref] = None

    def _forget(self, ref: Ref, obj: Object) -> None:
        self._by_uid.pop(obj["metadata"]["uid"], None)
        for index, key in [*((self._dependents, owner["uid"]) for owner in _owners(obj)), (self._inside, ref[1][0])]:
            index.get(key, {}).pop(ref, None)
            if not index.get(key):
                index.pop(key, None)

    def delete(self, ref: Ref, policy: Policy, now: datetime, change: Change | None = None) -> None:
        """The object, and what the policy says of those that it owns. Also: an object that waits lost a finalizer.

        A queue, not a recursion: chains of owners may be long.
        """
        if policy == "Orphan" and (owner := self._objects.at(ref)) is not None:
            for each in list(self._dependents.get(owner["metadata"]["uid"], ())):
                self._disown(each, owner["metadata"]["uid"])
        queue = deque([(ref, policy)])
        while queue:
            queue.extend(self._step(*queue.popleft(), now, change))
            change = None  # it counts the writes that were asked for, not what they entail

    def _step(self, ref: Ref, policy: Policy, now: datetime, change: Change | None) -> Steps:
        """Marks the object or removes it; what is to be looked at next."""
        live = self._objects.at(ref)
        if live is None:
            return []
        if "deletionTimestamp" in live["metadata"]:
            return self._resumed(ref, live, change)
        dependents = list(self._dependents.get(live["metadata"]["uid"], ())) if policy == "Foreground" else []
        inside = list(self._inside.get(ref[1][1], ())) if ref[0] is NAMESPACE else []
        if not (dependents or inside or live["metadata"].get("finalizers")):
            return self._removed(ref, live, change)
        self._objects.put(ref, _marked(ref[0], live, now, waits=bool(dependents)), change)
        if any(self._waits(each) for each in dependents):
            self._unblock(ref)
        uid = live["metadata"]["uid"]
        return [*self._steps(dependents, uid, "Foreground"), *_in_background(inside), (ref, policy)]

    def _steps(self, dependents: Iterable[Ref], uid: str, policy: Policy) -> Steps:
        return [(each, policy) for each in dependents if self._condemned(each, uid)]

    def _resumed(self, ref: Ref, live: Object, change: Change | None) -> Steps:
        """Whether an object that is marked can go now."""
        if self._is_blocked(live) or (ref[0] is NAMESPACE and ref[1][1] in self._inside):
            return []
        finalizers = live["metadata"].get("finalizers", [])
        left = [name for name in finalizers if name != FOREGROUND]
        if not left:
            return self._removed(ref, live, change)
        if left != finalizers:
            self._objects.put(ref, _with(live, finalizers=left), change)
        return []

    def _is_blocked(self, live: Object) -> bool:
        if FOREGROUND not in live["metadata"].get("finalizers", ()):
            return False
        uid = live["metadata"]["uid"]
        owned = (owner for each in self._dependents.get(uid, ()) for owner in _owners(self._objects.at(each)))
        return any(owner["uid"] == uid and owner.get("blockOwnerDeletion") is True for owner in owned)

    def _removed(self, ref: Ref, live: Object, change: Change | None) -> Steps:
        uid = live["metadata"]["uid"]
        dependents = list(self._dependents.get(uid, ()))
        self._objects.drop(ref, change)
        return [*self._steps(dependents, uid, "Background"), *_in_background(self._above(ref, live))]

    def _above(self, ref: Ref, live: Object) -> Iterator[Ref]:
        """Owners and the namespace, if they wait for this object to go."""
        owners = (self._by_uid.get(owner["uid"]) for owner in _owners(live))
        namespace = NAMESPACE, ("", ref[1][0])
        for each in [*owners, *([namespace] if ref[0].namespaced else [])]:
            if each is not None and _is_marked(self._objects.at(each)):
                yield each

    def _condemned(self, ref: Ref, uid: str) -> bool:
        """Whether the dependent goes with its owner; one that others own as well only forgets this one."""
        owners = (self._by_uid.get(owner["uid"]) for owner in _owners(self._objects.at(ref)) if owner["uid"] != uid)
        if not any(owner is not None and not _is_marked(self._objects.at(owner)) for owner in owners):
            return True
        self._disown(ref, uid)
        return False

    def _disown(self, ref: Ref, uid: str) -> None:
        live = self._objects.at(ref)
        if live is not None:
            left = [owner for owner in _owners(live) if owner["uid"] != uid]
            self._objects.put(ref, _with(live, ownerReferences=left), None)

    def _waits(self, ref: Ref) -> bool:
        return FOREGROUND in (self._objects.at(ref) or {}).get("metadata", {}).get("finalizers", ())

    def _unblock(self, ref: Ref) -> None:
        """Owners that own each other would wait for ever: as Kubernetes does, the last one lets go."""
        live = self._objects.at(ref)
        assert live is not None, ref
        free = [{**owner, "blockOwnerDeletion": False} for owner in _owners(live)]
        self._objects.put(ref, _with(live, ownerReferences=free), None)


def _in_background(refs: Iterable[Ref]) -> Steps:
    return [(ref, "Background") for ref in refs]


def _owners(obj: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (obj or {}).get("metadata", {}).get("ownerReferences", [])
    return found


def _is_marked(obj: Mapping[str, Any] | None) -> bool:
    return obj is not None and "deletionTimestamp" in obj["metadata"]


def _marked(kind: Kind, live: Object, now: datetime, *, waits: bool) -> Object:
    finalizers = list(live["metadata"].get("finalizers", ()))
    if waits and FOREGROUND not in finalizers:
        finalizers.append(FOREGROUND)
    generation = live["metadata"]["generation"] + 1
    times = {"deletionTimestamp": stamp(now), "deletionGracePeriodSeconds": 0, "generation": generation}
    marked = _with(live, finalizers=finalizers, **times)
    return {**marked, "status": {"phase": "Terminating"}} if kind is NAMESPACE else marked


def _with(obj: Object, **metadata: Any) -> Object:
    """With other metadata; an empty list is none."""
    return {**obj, "metadata": {k: v for k, v in {**obj["metadata"], **metadata}.items() if v not in ([], None)}}
