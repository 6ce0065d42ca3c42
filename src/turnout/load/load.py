"""The run itself: clients are given requests when the schedule says so, until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from turnout.load.client import IDEMPOTENT, Client
from turnout.load.connection import Exchange
from turnout.load.ledger import Ledger
from turnout.load.plan import Plan
from turnout.load.progress import Lookout, Progress
from turnout.load.report import Report
from turnout.load.schedule import Schedule
from turnout.load.target import Dialer, Target

PROGRESS_SECONDS = 1.0
OVERDUE_LOOK_SECONDS = 0.01


class Load:
    """One run of a plan. Everything happens in the event loop of `run`; a load runs once."""

    def __init__(self, plan: Plan) -> None:
        """Raises ValueError if the plan's URL cannot be asked for."""
        self._plan = plan
        self._target = Target.parse(plan.url)
        self._schedule = Schedule(rate=plan.rate, seconds=plan.seconds, requests=plan.requests)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: list[Client] = []
        self._free: list[Client] = []
        self._in_flight = 0
        self._began = 0.0
        self._window_seconds: float | None = None
        self._interrupted = False
        self._done = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.ledger = Ledger()
        self.exchange = Exchange.of(self._target.request(plan), plan.method, plan.version_header)
        self.retries = plan.method in IDEMPOTENT

    async def run(self, progress: Callable[[Progress], None] | None = None) -> Report:
        """Until the plan's end, `stop` or `abandon`. Raises TurnoutError if the host's name has no address."""
        self.dialer = await Dialer.resolve(self._target, self._plan)
        self._clients = [Client(self) for _ in range(self._plan.most_in_flight)]
        # The last one in is the first one out, so that the open loop needs few connections.
        self._free = self._clients[::-1]
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        try:
            self._set_timers(progress)
            self._start_due(0.0)
            await self._done.wait()
        finally:
            elapsed = self.now()
            self._end(elapsed)
        return self._report(elapsed)

    def stop(self) -> None:
        """Start no more requests; those in flight are finished for up to the plan's `drain_seconds`."""
        self._close()
        self._bound_drain()

    def abandon(self) -> None:
        """End now; what is in flight is counted as unfinished."""
        self._interrupted = True
        self._close()
        self._done.set()

    # For the clients

    def now(self) -> float:
        """Seconds since the run began."""
        return self._loop.time() - self._began if self._loop is not None else 0.0

    def finished(self, client: Client, now: float) -> None:
        """Take the client back, or give it the next request at once."""
        self._in_flight -= 1
        pause = client.pause_seconds if self._plan.rate is None else 0.0
        if pause:
            self._timer(f"pause {id(client)}", pause, lambda: self._return(client))
        else:
            self._return(client)
        if self._schedule.over(now):
            self._close()

    # Inside

    def _return(self, client: Client) -> None:
        self._free.append(client)
        self._start_due(self.now())

    def _start_due(self, now: float) -> None:
        while self._free:
            intended = self._schedule.take(now)
            if intended is None:
                return
            self._in_flight += 1
            self._free.pop().begin(intended, now)

    def _close(self) -> None:
        """The window ends: by the plan, or because somebody says so. Then the run ends with the last request."""
        if self._window_seconds is None:
            self._window_seconds = self.now()
            self._schedule.close(self._window_seconds)
            self.ledger.end_window()
        if not self._in_flight:
            self._done.set()

    def _time_is_up(self) -> None:
        self._start_due(self.now())
        self.stop()

    def _bound_drain(self) -> None:
        # Only where time ends the window: a plan that counts requests waits for all, each bounded by its timeout.
        if "drain" not in self._timers:
            self._timer("drain", self._plan.drain_seconds, self._done.set)

    def _timer(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        if self._loop is not None:
            self._timers[name] = self._loop.call_later(seconds, act)

    def _set_timers(self, progress: Callable[[Progress], None] | None) -> None:
        if self._plan.seconds is not None:
            self._timer("window", self._plan.seconds, self._time_is_up)
        self._pace()
        self._sweep()
        if progress is not None:
            self._watch(progress, Lookout(self.ledger))

    def _pace(self) -> None:
        """Open loop: wake when the next request is due."""
        now = self.now()
        self._start_due(now)
        wake_at = self._schedule.wake_at()
        if wake_at is None or self._schedule.over(now):
            return
        # While no client is free, requests are overdue; whoever becomes free takes the next one itself.
        self._timer("pace", max(wake_at - self.now(), 0.0 if self._free else OVERDUE_LOOK_SECONDS), self._pace)

    def _sweep(self) -> None:
        """One timer for all timeouts: cheaper than one per request, and late by 1/20 of the timeout at most."""
        timeout = self._plan.timeout_seconds
        begun_before = self.now() - timeout
        for client in self._clients:
            client.expire(begun_before)
        self._timer("sweep", min(timeout / 20, 0.5), self._sweep)

    def _watch(self, progress: Callable[[Progress], None], lookout: Lookout) -> None:
        def look() -> None:
            progress(lookout.look(self.now()))
            self._timer("progress", PROGRESS_SECONDS, look)

        self._timer("progress", PROGRESS_SECONDS, look)

    def _end(self, elapsed: float) -> None:
        self._schedule.close(elapsed)
        for timer in self._timers.values():
            timer.cancel()
        for client in self._clients:
            client.abandon()

    def _report(self, elapsed: float) -> Report:
        return Report.of(
            self.ledger,
            url=self._plan.url,
            elapsed_seconds=elapsed,
            window_seconds=elapsed if self._window_seconds is None else self._window_seconds,
            unstarted=self._schedule.unstarted(elapsed),
            interrupted=self._interrupted,
        )


async def run(
    plan: Plan, progress: Callable[[Progress], None] | None = None, stop: asyncio.Event | None = None
) -> Report:
    """Carry the plan out. When `stop` is set, no more requests start, and those in flight are drained.

    Raises ValueError for a URL that cannot be asked for, TurnoutError if its host has no address.
    """
    load = Load(plan)
    if stop is None:
        return await load.run(progress)
    waiter = asyncio.create_task(_stop_when(stop, load))
    try:
        return await load.run(progress)
    finally:
        waiter.cancel()


async def _stop_when(stop: asyncio.Event, load: Load) -> None:
    await stop.wait()
    load.stop()
