"""What happened to objects lately: bounded, numbered without gaps, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from turnout.apiserver.status import expired
from turnout.resources.kinds import Kind

MAX_EVENTS = 4096
MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """Several writes that belong together: `of` of them carry this `id`, and take effect as one."""

    id: str
    of: int


@dataclass(frozen=True, slots=True)
class Event:
    """One write. `object` and `previous` (the object before it; None for ADDED) are not to be changed."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    kind: Kind
    object: Mapping[str, Any]
    previous: Mapping[str, Any] | None
    revision: int
    change: Change | None = None
    status_only: bool = False


class History:
    """The last `MAX_EVENTS` events, and no more than `MAX_BYTES` of them.

    Slow readers have no queue: each keeps the number of the last event it saw, and who falls behind the history is
    told to list again. So any number of watches costs the memory of one.
    """

    def __init__(self, revision: int) -> None:
        self.oldest = revision
        """Events after this revision are known."""
        self._events: list[Event] = []
        self._sizes: list[int] = []
        self._bytes = 0
        self._news = asyncio.Event()

    @property
    def revision(self) -> int:
        """That of the last event."""
        return self.oldest + len(self._events)

    def append(self, event: Event, size: int) -> None:
        """`size`: bytes of the event's object as JSON. Revisions follow one another."""
        assert event.revision == self.revision + 1
        self._events.append(event)
        self._sizes.append(size)
        self._bytes += size
        if len(self._events) > MAX_EVENTS or self._bytes > MAX_BYTES:
            self._forget_half()
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _forget_half(self) -> None:
        # Half at once, so that forgetting costs nothing per event.
        gone = (len(self._events) + 1) // 2
        self.oldest += gone
        self._events = self._events[gone:]
        self._sizes = self._sizes[gone:]
        self._bytes = sum(self._sizes)

    def after(self, revision: int) -> list[Event]:
        """The events since `revision`. Raises StatusError 410 when they are not all known.

        A revision that is still to come is one of another state directory: 410 too, so that its owner starts anew.
        """
        if not self.oldest <= revision <= self.revision:
            raise expired(self.oldest)
        return self._events[revision - self.oldest :]

    async def watch(self, revision: int) -> AsyncGenerator[Event, None]:
        """The events after `revision`, as they come, without end. Raises StatusError 410 to a reader too slow."""
        while True:
            news = self._news
            for event in self.after(revision):
                revision = event.revision
                yield event
            await news.wait()
