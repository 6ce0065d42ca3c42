"""What Envoy counted, looked at once a second and whenever somebody asks."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from turnout.error import EnvoyFailed
from turnout.process import Identity
from turnout.telemetry.stats import SCRAPE, Reader, Snapshot
from turnout.telemetry.window import Window
from turnout.xds.envoy import Envoy


class Telemetry:
    """The counters of one Envoy after the other."""

    def __init__(self, envoy: Envoy) -> None:
        self.window = Window()
        self._envoy = envoy
        self._reader = Reader()
        self._identity: Identity | None = None
        self._looking: asyncio.Task[None] | None = None

    @property
    def folded(self) -> int:
        """How many series are not told apart."""
        return self._reader.folded

    def started(self, identity: Identity) -> None:
        """An Envoy that has counted nothing yet: what it counts until the first look is known too."""
        self._known(identity)
        self.window.add(Snapshot(asyncio.get_running_loop().time()), str(identity))

    async def look(self) -> None:
        """Has the counters as they are now; those who ask while somebody looks share the look that comes next."""
        under_way = self._looking
        if under_way is not None and not under_way.done():
            await asyncio.wait([under_way])  # it may have seen what was before
        if self._looking is None or self._looking is under_way:
            self._looking = asyncio.create_task(self._look())
        await asyncio.shield(self._looking)

    async def _look(self) -> None:
        identity = self._envoy.identity
        with suppress(EnvoyFailed):
            status, body = await self._envoy.admin("GET", SCRAPE)
            if status == 200 and identity is not None and identity == self._envoy.identity:
                self._known(identity)
                self.window.add(self._reader.read(body, asyncio.get_running_loop().time()), str(identity))

    def _known(self, identity: Identity) -> None:
        if identity != self._identity:
            self._identity = identity
            self._reader.forget()
