"""A comparison harms nobody, whatever becomes of its candidate or of the process that compares."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.e2e import manifests
from tests.e2e.site import Site, until

from turnout.load import Plan, run

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

RATE = 200.0
MOST_GROWTH_BYTES = 64 << 20
JSON = dict[str, Any]


@pytest.fixture
def crowd(site: Site) -> Site:
    """v2 answers with 50 MB."""
    shutil.copy(Path(__file__).with_name("huge_service.py"), site.service_file)
    site.apply("v2.yaml", manifests.deployment("v2", env={"HUGE": "1"}))
    site.up()
    return site


def view(site: Site) -> JSON:
    with site.client() as client:
        return dict(client.view("comparison"))


def ordered(site: Site, **order: Any) -> JSON:
    with site.client() as client:
        return dict(client.post("comparison", order))


def comparer(site: Site) -> psutil.Process | None:
    found = [each for each in site.processes() if "turnout.capture" in each.cmdline()]
    return found[0] if found else None


def findings(site: Site) -> set[tuple[str, str]]:
    """Paths and kinds that are reported so far."""
    report = (view(site)["report"] or {}).get("report") or {"routes": []}
    fields = (field for route in report["routes"] for field in route["fields"])
    return {(f["path"], f["kind"]) for f in fields if f["class"] in ("regression", "difference")}


@asynccontextmanager
async def unharmed(site: Site) -> AsyncIterator[None]:
    """Users come all the time, and each gets an answer; and Envoy takes no more memory than it may."""
    envoy = psutil.Process(site.pids()["envoy"])
    before, most, stop = envoy.memory_info().rss, 0, asyncio.Event()

    async def watch() -> None:
        nonlocal most
        while not stop.is_set():
            most = max(most, envoy.memory_info().rss)
            await asyncio.sleep(0.05)

    plan = Plan(f"http://{manifests.HOST}/", rate=RATE, connect=("127.0.0.1", site.port))
    tasks = asyncio.create_task(run(plan, stop=stop)), asyncio.create_task(watch())
    try:
        yield
    finally:
        stop.set()
        report, _ = await asyncio.gather(*tasks)
    assert (report.failed, report.unfinished, set(report.codes)) == (0, 0, {200}), report
    assert most - before <= MOST_GROWTH_BYTES


async def eventually(what: str, look: Callable[[], Any]) -> None:
    await asyncio.to_thread(until, what, look)


def captured(site: Site) -> int:
    return int(view(site)["report"]["captured"])


async def test_nobody_notices_a_huge_or_hanging_candidate_or_a_comparer_that_is_stopped(crowd: Site) -> None:
    async with unharmed(crowd):
        order = {"do": "start", "service": "app", "from": "v1", "to": "v2"}
        assert (await asyncio.to_thread(ordered, crowd, **order))["running"]
        await eventually("too large bodies are told", lambda: ("body", "truncated") in findings(crowd))
        (candidate,) = await asyncio.to_thread(crowd.pods, "app-v2")
        os.kill(candidate["pid"], signal.SIGSTOP)
        try:
            await eventually("its silence is told", lambda: ("response", "unanswered") in findings(crowd))
            await stopped_for_a_while(crowd)
        finally:
            os.kill(candidate["pid"], signal.SIGCONT)
        ended = await asyncio.to_thread(ordered, crowd, do="stop")
    assert ended["report"]["verdict"] == "regression"
    assert comparer(crowd) is None


async def stopped_for_a_while(site: Site) -> None:
    """Longer than a batch of the tap lasts."""
    process = await asyncio.to_thread(comparer, site)
    assert process is not None
    process.suspend()
    await asyncio.sleep(2)
    process.resume()
    seen = captured(site)
    await eventually("it goes on", lambda: captured(site) > seen + 50)
