"""What Envoy counted: looked at once a second and whenever somebody asks, and kept for a week."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from turnout.control.mishaps import Mishaps
from turnout.control.store_thread import StoreThread
from turnout.delivery.milestone import Milestone
from turnout.error import EnvoyFailed, StateBroken
from turnout.problem import Problem
from turnout.process import Identity
from turnout.resources.codes import problem
from turnout.telemetry.series import Series
from turnout.telemetry.stats import MERGE, MOST_SERIES, SCRAPE, Reader, Snapshot
from turnout.telemetry.store import TELEMETRY, Store
from turnout.telemetry.traffic import Traffic
from turnout.telemetry.window import Window
from turnout.xds.envoy import Envoy

LOOK_SECONDS = 0.25
MOST_LOOKS = 3
MOST_UNWRITTEN = 120
"""Looks that wait for a disk that is full; then the oldest is lost."""

T = TypeVar("T")


class Telemetry:
    """The counters of one Envoy after the other, and the store of what they came to."""

    def __init__(self, envoy: Envoy, path: Path, mishaps: Mishaps) -> None:
        """`path`: the store's file."""
        self.window = Window()
        self._envoy = envoy
        self._mishaps = mishaps
        self._reader = Reader()
        self._identity: Identity | None = None
        self._looking: asyncio.Task[None] | None = None
        self._thread = StoreThread(path, TELEMETRY, Store)
        self._unwritten: deque[Callable[[Store], None]] = deque(maxlen=MOST_UNWRITTEN)

    # --- looking

    @property
    def folded(self) -> int:
        """How many series are not told apart."""
        return self._reader.folded

    def problems(self) -> list[Problem]:
        """That not all series are told apart."""
        store = self._thread.store
        folded = max(self.folded, store.folded if store else 0)
        if not folded:
            return []
        message = f"{folded} kinds of requests more than the {MOST_SERIES} that are told apart are counted as `other`"
        return [problem("TNO407", None, message)]

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

    async def look_closely(self) -> None:
        """Has the counters, and the histograms of all requests that they count, which Envoy merges a little later.

        Those of an Envoy that died in between never come.
        """
        await self.look()
        counted = sum(self.window.totals().values())
        for _ in range(MOST_LOOKS):
            if _observed(self.window.latest) >= counted:
                break
            await self.look()

    async def look_for(self, query: Mapping[str, str]) -> None:
        """Has the counters as they are now, if that takes no time; to `look=0`, those of the last second will do.

        For who asks again and again: each look costs as much as all that he is told.
        """
        if query.get("look") != "0":
            with suppress(TimeoutError):  # then those of the last look
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.look()

    async def _look(self) -> None:
        identity = self._envoy.identity
        with suppress(EnvoyFailed):
            await self._envoy.admin("GET", MERGE)
            status, body = await self._envoy.admin("GET", SCRAPE)
            if status == 200 and identity is not None and identity == self._envoy.identity:
                self._known(identity)
                # Elsewhere: with hundreds of series it takes longer than a change may wait.
                snapshot = await asyncio.to_thread(self._reader.read, body, asyncio.get_running_loop().time())
                self._keep(*self.window.add(snapshot, str(identity)))

    def _known(self, identity: Identity) -> None:
        if identity != self._identity:
            self._identity = identity
            self._reader.forget()

    # --- keeping

    def _keep(self, seconds: float, traffic: Mapping[Series, Traffic]) -> None:
        """Also that there was nothing: in a chart that is 0, and not a gap."""
        at = time.time()
        if seconds > 0:
            self._unwritten.append(lambda store: store.add(at, seconds, traffic))

    def mark(self, milestones: Iterable[Milestone]) -> None:
        """These have just come to pass."""
        at = time.time()
        for milestone in milestones:
            self._unwritten.append(lambda store, it=milestone: store.mark(at, it.what, it.text, it.about))  # type: ignore[misc] # bound now

    async def record(self) -> None:
        """Writes what was seen since the last call; what cannot be written is tried again with the next."""
        with self._mishaps.recording():
            await self._thread.ask(self._write)

    def _write(self, store: Store) -> None:
        while self._unwritten:
            write = self._unwritten[0]
            write(store)
            self._unwritten.popleft()

    async def ask(self, question: Callable[[Store], T]) -> T:
        """What the store knows, the last look included. Raises StateBroken."""
        with suppress(StateBroken):
            await self._thread.ask(self._write)
        return await self._thread.ask(question)

    async def close(self) -> None:
        """The last look is written."""
        if self._unwritten:
            with suppress(StateBroken):
                await self._thread.ask(self._write)
        await self._thread.close()


def _observed(snapshot: Snapshot) -> int:
    """How many requests are in its histograms; each has a size, if not a duration."""
    return sum(sum(buckets.values()) for buckets in snapshot.request_sizes.values())
