"""Users who never stop: requests at a constant rate, and twenty slow ones always under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.e2e.manifests import HOST

from turnout.load import Plan, Report, run

RATE = 550.0
SLOW_CLIENTS = 20
SLOW_SECONDS = 2
SETTLING_SECONDS = 0.5
"""How long traffic flows before anything is done to it, and after."""


@dataclass(slots=True)
class Traffic:
    """What came of it, once it has ended."""

    reports: dict[str, Report] = field(default_factory=dict)

    def assert_unharmed(self) -> None:
        """Every request was answered, none with an error; and there was as much traffic as was meant to be."""
        for name, report in self.reports.items():
            assert report.failed == 0, f"{name}: {report.errors}, {report.codes}"
            assert report.unfinished == 0, f"{name}: {report.unfinished} unfinished"
            assert set(report.codes) == {200}, f"{name}: {report.codes}"
        assert self.reports["fast"].unstarted == 0
        assert self.reports["fast"].window_rate_per_second >= 500
        assert self.reports["slow"].concurrency >= SLOW_CLIENTS * 0.9


@asynccontextmanager
async def traffic(port: int, rate: float = RATE, slow_clients: int = SLOW_CLIENTS) -> AsyncIterator[Traffic]:
    """While the block runs. Requests under way at its end are finished, and counted."""
    base, gateway = f"http://{HOST}", ("127.0.0.1", port)
    plans = {
        "fast": Plan(f"{base}/", rate=rate, connect=gateway),
        "slow": Plan(f"{base}/slow?seconds={SLOW_SECONDS}", clients=slow_clients, connect=gateway),
    }
    stop, found = asyncio.Event(), Traffic()
    async with asyncio.TaskGroup() as tasks:
        runs = {name: tasks.create_task(run(plan, stop=stop)) for name, plan in plans.items()}
        try:
            await asyncio.sleep(SETTLING_SECONDS)
            yield found
            await asyncio.sleep(SETTLING_SECONDS)
        finally:
            stop.set()
    found.reports = {name: task.result() for name, task in runs.items()}
