"""What rolling restarts and comparisons ask of the mesh."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turnout.control.instance import Instance

ACKNOWLEDGE_SECONDS = 15.0


class MeshView:
    """What rolling restarts ask of the mesh (`workloads.MeshView`)."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def settled(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await self._instance.settled()

    async def active_requests(self, address: str) -> int:
        return await self._instance.envoy.active_requests(address)
