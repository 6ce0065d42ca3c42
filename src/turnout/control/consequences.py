"""What does not fit between objects since a write: the API tells its writer, as kubectl prints warnings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from turnout.problem import Problem

WAIT_SECONDS = 1.0
"""Deriving the world takes milliseconds; where it takes longer, the writer is not kept waiting for remarks."""

REST = 3.0
"""After a look nobody looks again for this many times as long as it took: with a thousand services that is 0.1 s, and
`kubectl apply` of a folder writes a hundred objects a second. Whoever looks next is told what all have meant."""


class Consequences:
    """`look` gives the problems of the world as it was derived last; `wanted` counts what is to be derived.

    `look` is called in a thread: it reads nothing that changes.
    """

    def __init__(self, look: Callable[[], Sequence[Problem]], wanted: Callable[[], int]) -> None:
        self._look = look
        self._wanted = wanted
        self._derived = 0
        self._news = asyncio.Event()
        self._known: Sequence[Problem] = ()
        self._next = 0.0

    def derived(self, version: int) -> None:
        """All that was wanted up to this version has been taken in."""
        self._derived = version
        news, self._news = self._news, asyncio.Event()
        news.set()

    def now(self) -> Sequence[Problem]:
        """What was found when somebody looked last."""
        return self._known

    async def after(self) -> Sequence[Problem]:
        """What does not fit once everything written until now is taken in; nothing where that takes too long."""
        wanted = self._wanted()
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while self._derived < wanted:
                    await self._news.wait()
                return await self._looked()
        return ()

    async def _looked(self) -> Sequence[Problem]:
        """In a thread: it reads what nobody changes, and others shall be served meanwhile."""
        begun = time.monotonic()
        if begun < self._next:
            return ()
        self._next = float("inf")
        try:
            self._known = await asyncio.to_thread(self._look)
        finally:
            self._next = time.monotonic() + REST * (time.monotonic() - begun)
        return self._known
