"""Conditions that come true in another thread or process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SECONDS = 10.0


async def until(look: Callable[[], object], seconds: float = SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)
