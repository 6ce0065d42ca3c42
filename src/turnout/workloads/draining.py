"""Taking a pod out of service without losing a request: Envoy first, then the process."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

from turnout.error import TurnoutError

LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.1, 0.5
QUIET_LOOKS = 2
"""A request may be on its way from one of Envoy's workers while it is counted nowhere: one look is not enough."""


class MeshView(Protocol):
    """What the data plane does with the pods."""

    async def settled(self) -> None:
        """Until Envoy serves the pods as they are now."""

    async def active_requests(self, address: str) -> int:
        """Requests in flight to `ip:port`."""


async def drain(mesh: MeshView, addresses: Collection[str], within_seconds: float) -> bool:
    """Until Envoy sends nothing new to `addresses` and what was in flight has been answered; False if time ran out.

    The pod must show as draining before.
    """
    try:
        async with asyncio.timeout(within_seconds):
            await mesh.settled()
            await _quiet(mesh, addresses)
    except TimeoutError:
        return False
    return True


async def _active(mesh: MeshView, addresses: Collection[str]) -> int:
    """An Envoy that does not answer has not said that nothing is in flight."""
    try:
        return sum([await mesh.active_requests(address) for address in addresses])
    except TurnoutError:
        return 1


async def _quiet(mesh: MeshView, addresses: Collection[str]) -> None:
    quiet, look = 0, LOOK_SECONDS
    while True:
        active = await _active(mesh, addresses)
        quiet = quiet + 1 if active == 0 else 0
        if quiet == QUIET_LOOKS:
            return
        look = LOOK_SECONDS if active == 0 else min(look * 1.5, LONGEST_LOOK_SECONDS)
        await asyncio.sleep(look)
