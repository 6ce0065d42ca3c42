"""A watch: what changes of a selection of objects, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from turnout.apiserver.defaults import with_defaults
from turnout.apiserver.history import Event
from turnout.apiserver.listing import revision_of
from turnout.apiserver.selector import Selector
from turnout.apiserver.status import StatusError, status_object
from turnout.apiserver.store import Store
from turnout.apiserver.stream import Lines
from turnout.apiserver.table.representation import Representation
from turnout.resources.kinds import Kind

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Watch:
    """The lines of one watch.

    `version` is the client's `resourceVersion`: events after it are sent; without one (or with "0") the present
    objects come first, as ADDED. Raises StatusError 410 when the events after it are forgotten, 400 when it is none.
    """

    def __init__(
        self,
        store: Store,
        kind: Kind,
        namespace: str,
        *,
        api_version: str,
        selects: Selector,
        version: str,
        initial_events: bool,
        representation: Representation | None = None,
    ) -> None:
        self._store = store
        self._kind = kind
        self._namespace = namespace
        self._api_version = api_version
        self._selects = selects
        self._representation = representation or Representation(kind)
        self._headed = False
        self._initial_events = initial_events
        self._from_now = initial_events or version in ("", "0")
        self.revision = store.revision if self._from_now else revision_of(version)
        """Everything up to here has been sent."""
        store.events_after(self.revision)

    async def lines(self) -> Lines:
        """Without end, save for the error that the reader was too slow."""
        if self._from_now:
            for obj in self._present():
                yield self._line("ADDED", obj)
        if self._initial_events:
            yield self.bookmark({INITIAL_EVENTS_END: "true"})
        try:
            async with aclosing(self._store.watch(self.revision)) as events:
                async for event in events:
                    self.revision = event.revision
                    if (seen := self._seen(event)) is not None:
                        yield self._line(seen, event.object)
        except StatusError as error:
            yield _encoded("ERROR", status_object(error))

    def _present(self) -> list[Mapping[str, Any]]:
        # The first line is asked for some time after the request came in: both must tell of the same moment.
        self.revision = self._store.revision
        return [obj for obj in self._store.list(self._kind, self._namespace) if self._selects(obj)]

    def _seen(self, event: Event) -> str | None:
        """What the event is to this watch: an object that leaves the selection is deleted, as far as it can see."""
        if event.kind != self._kind or self._namespace not in ("", event.object["metadata"].get("namespace", "")):
            return None
        before = event.previous is not None and self._selects(event.previous)
        after = event.type != "DELETED" and self._selects(event.object)
        if not before and not after:
            return None
        return "ADDED" if not before else "MODIFIED" if after else "DELETED"

    def bookmark(self, annotations: Mapping[str, str] | None = None) -> bytes:
        """The line that tells a quiet client how far it has come."""
        metadata: dict[str, Any] = {"resourceVersion": str(self.revision)}
        if annotations:
            metadata["annotations"] = annotations
        return self._line("BOOKMARK", {"kind": self._kind.kind, "metadata": metadata})

    def _line(self, event_type: str, obj: Mapping[str, Any]) -> bytes:
        whole, headed = {**with_defaults(self._kind, obj), "apiVersion": self._api_version}, not self._headed
        self._headed = True
        return _encoded(event_type, self._representation.of(whole, datetime.now(UTC), headed=headed))


def _encoded(event_type: str, obj: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": event_type, "object": obj}, separators=(",", ":")).encode() + b"\n"
