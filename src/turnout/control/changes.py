"""Changes of several objects that take effect as one."""

from __future__ import annotations

import asyncio

from turnout.apiserver.store import Change

HOLD_SECONDS = 1.0
"""How long a change that is never completed keeps everything else waiting."""


class OpenChanges:
    """Counts the writes of each change that is under way; `complete` waits until there is none."""

    def __init__(self) -> None:
        self._missing: dict[str, int] = {}
        self._deadline = 0.0
        self._closed = asyncio.Event()
        self._closed.set()

    def seen(self, change: Change | None, now: float) -> None:
        """One more write of a change; `now` in seconds of the event loop's clock."""
        if change is None:
            return
        missing = self._missing.get(change.id, change.of) - 1
        if missing > 0:
            self._missing[change.id] = missing
            self._deadline = now + HOLD_SECONDS
            self._closed.clear()
        else:
            self._missing.pop(change.id, None)
        if not self._missing:
            self._closed.set()

    async def complete(self) -> None:
        """Until every change is complete, or the last one has stalled for HOLD_SECONDS."""
        while not self._closed.is_set():
            try:
                async with asyncio.timeout_at(self._deadline):
                    await self._closed.wait()
            except TimeoutError:
                if asyncio.get_running_loop().time() >= self._deadline:
                    self._missing.clear()
                    self._closed.set()
