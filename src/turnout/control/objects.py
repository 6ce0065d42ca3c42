"""The live objects that something is derived from, by key. A kind is listed again when some of it came or went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from turnout.apiserver.store import Event, Store
from turnout.memo import Memo
from turnout.resources import kinds
from turnout.resources.kinds import Kind

ObjectKey = tuple[str, str, str]
"""Kind, namespace, name."""
Objects = Mapping[ObjectKey, Mapping[str, Any]]


class LiveObjects:
    """For one thread, that of the store."""

    def __init__(self, store: Store, wanted: Iterable[Kind]) -> None:
        self.store = store
        self._kinds = tuple(wanted)
        self._listed: dict[Kind, Objects] = {}
        self._modified: dict[Kind, dict[ObjectKey, Mapping[str, Any]]] = {}
        self._memo = Memo()
        store.subscribe(self._written)

    def read(self) -> Objects:
        """In order of kind, namespace and name. The store's own objects: not to be changed."""
        for kind in self._kinds:
            if kind not in self._listed:
                self._listed[kind] = keyed(self.store.list(kind))
            elif kind in self._modified:
                self._listed[kind] = {**self._listed[kind], **self._modified[kind]}
        self._modified.clear()
        found = self._memo.united("objects", *(self._listed[kind] for kind in self._kinds))
        self._memo.forget_unasked()
        return found

    def _written(self, event: Event) -> None:
        if event.type == "MODIFIED" and event.kind in self._listed:
            self._modified.setdefault(event.kind, {})[key_of(event.object)] = event.object
        else:
            self._listed.pop(event.kind, None)


def keyed(objects: Iterable[Mapping[str, Any]]) -> Objects:
    return {key_of(obj): obj for obj in objects}


def key_of(obj: Mapping[str, Any]) -> ObjectKey:
    meta = obj["metadata"]
    return kinds.title(obj["apiVersion"], obj["kind"]), meta.get("namespace", ""), meta["name"]
