"""What does not fit between objects since a write: the API tells its writer, as kubectl prints warnings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from turnout.problem import Problem

WAIT_SECONDS = 1.0
"""Deriving the world takes milliseconds; where it takes longer, the writer is not kept waiting for remarks."""


class Consequences:
    """`look` gives the problems of the world as it was derived last; `wanted` counts what is to be derived."""

    def __init__(self, look: Callable[[], Sequence[Problem]], wanted: Callable[[], int]) -> None:
        self._look = look
        self._wanted = wanted
        self._derived = 0
        self._news = asyncio.Event()

    def derived(self, version: int) -> None:
        """All that was wanted up to this version has been taken in."""
        self._derived = version
        news, self._news = self._news, asyncio.Event()
        news.set()

    def now(self) -> Sequence[Problem]:
        """What does not fit, as far as is known."""
        return self._look()

    async def after(self) -> Sequence[Problem]:
        """What does not fit once everything written until now is taken in; nothing where that takes too long."""
        wanted = self._wanted()
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while self._derived < wanted:
                    await self._news.wait()
            return self._look()
        return ()
