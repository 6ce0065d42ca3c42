"""A candidate that gets copies cannot harm users, whatever it does; and what it did not get is counted."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress

import psutil
import pytest
from tests.e2e import manifests
from tests.e2e.launch import CANDIDATE, URL, Launch, copy_cluster, hops, mirror
from tests.e2e.site import Site, until

from turnout.load import Plan, Report, run

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

RATE = 250.0
SECONDS = 3.0
MOST_BYTES = 150 * 1024 * 1024
COUNTED = ("wanted", "sent", "dropped", "unreached", "failed")

EXPECTED = {
    "reset": {"failed"},
    "dead": {"unreached"},
    "drip": {"failed", "dropped"},
    "huge": {"failed", "dropped"},
    "hang": {"failed", "dropped"},
}
"""What some copies come to at least, by the candidate's fault."""


async def load(launch: Launch) -> tuple[Report, int]:
    """The report, and the most memory that Envoy had meanwhile, in bytes."""
    envoy = psutil.Process(launch.site.pids()["envoy"])
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, envoy.memory_info().rss)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    try:
        report = await run(Plan(URL, rate=RATE, seconds=SECONDS, connect=("127.0.0.1", launch.site.port)))
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    return report, most


@pytest.mark.parametrize("fault", EXPECTED)
async def test_no_user_notices_a_candidate_that_is(launch: Launch, fault: str) -> None:
    await asyncio.to_thread(launch.misbehave, fault)
    before = launch.site.status()
    report, envoy_bytes = await load(launch)

    assert report.started >= RATE * SECONDS * 0.9
    assert (report.failed, report.unfinished, set(report.codes)) == (0, 0, {200}), report
    assert envoy_bytes <= MOST_BYTES
    status = await asyncio.to_thread(settled, launch.site, mirror(before)["wanted"] + report.started)
    now, then = mirror(status), mirror(before)
    grown = {key: now[key] - then[key] for key in COUNTED}
    assert grown["wanted"] == report.started == grown["sent"] + grown["dropped"] + grown["unreached"]
    assert {key for key, count in grown.items() if count} >= EXPECTED[fault], grown
    assert grown["failed"] == grown["sent"], status["hops"]
    sent = copy_cluster(status, "copy")["upstream_rq_total"] - copy_cluster(before, "copy")["upstream_rq_total"]
    assert sent == grown["sent"]
    if fault != "dead":
        assert launch.count(CANDIDATE)["requests"] == sent
    real = "preference-v1", "recommendation-v1"
    answered_before = hops(before).get(real, {"requests": 0})["requests"]
    assert hops(status)[real]["requests"] - answered_before == report.started
    assert hops(status)[real]["errors"] == 0
    assert_shown(launch.site, now)


def settled(site: Site, wanted: int) -> dict[str, object]:
    """The status once every copy has come to its end."""
    last: dict[str, object] = {}

    def ended(status: dict[str, object]) -> dict[str, object] | None:
        row = mirror(status)
        last.update(row, counters=copy_cluster(status, "mirror"), hops=status["hops"])
        return status if wanted == row["wanted"] == row["sent"] + row["dropped"] + row["unreached"] else None

    try:
        return site.until_status(f"{wanted} copies have come to their end", ended)
    except AssertionError as error:
        raise AssertionError(f"{error}: {last}") from error


def assert_shown(site: Site, row: dict[str, int]) -> None:
    """In `turnout status`, for people."""
    (line,) = [line for line in site.run("status").out.splitlines() if line.startswith("recommendation.default.svc")]
    assert line.split()[1:] == ["version-v2", *(str(row[key]) for key in COUNTED)]


async def test_envoy_ends_cleanly_when_copies_hang_and_users_still_come(launch: Launch) -> None:
    """Envoy aborts when it is told to end while copies are under way: they have to be waited for."""
    await asyncio.to_thread(launch.misbehave, "hang")
    stop = asyncio.Event()
    plan = Plan(URL, rate=100.0, connect=("127.0.0.1", launch.site.port))
    loading = asyncio.create_task(run(plan, stop=stop))
    before = mirror(launch.site.status())["wanted"]
    await asyncio.to_thread(until, "copies hang", lambda: mirror(launch.site.status())["wanted"] > before + 50)
    down = await asyncio.to_thread(launch.site.run, "down")
    stop.set()
    await loading
    assert (down.status, down.err) == (0, "")
    assert launch.site.ups[-1].ended() == 0
    launch.site.assert_nothing_runs()
    log = (launch.site.state / "logs" / "envoy.log").read_text()
    assert "Caught" not in log
    assert "caught ENVOY_SIGTERM" in log  # asked to end, not killed
    assert [path for path in launch.site.folder.rglob("core*") if path.is_file()] == []


MIRRORED = {"mirror": {"host": "app", "subset": "v2"}, "mirrorPercentage": {"value": 100}}
BELOW, ABOVE = 512 * 1024, 3 * 1024 * 1024
"""Bytes of a body: below and above what is copied."""


async def test_a_candidate_that_stops_reading_delays_nobodys_upload(site: Site) -> None:
    site.apply("route.yaml", manifests.virtual_service(manifests.split({"v1": 100}) | MIRRORED))
    site.up()
    (candidate,) = site.pods("app-v2")
    os.kill(candidate["pid"], signal.SIGSTOP)
    try:
        for size in (BELOW, ABOVE):
            started = time.monotonic()
            plan = Plan(
                f"http://{manifests.HOST}/",
                method="POST",
                body=b"." * size,
                requests=5,
                clients=1,
                connect=("127.0.0.1", site.port),
            )
            report = await run(plan)
            assert (report.failed, set(report.codes)) == (0, {200})
            assert time.monotonic() - started < 1.0, "the timeout of one copy"
        status = await asyncio.to_thread(settled, site, 10)
    finally:
        os.kill(candidate["pid"], signal.SIGCONT)
    assert {"sent": 5, "failed": 5, "dropped": 5, "unreached": 0}.items() <= mirror(status).items()


async def test_copies_end_with_the_requests_they_copy_when_those_have_a_shorter_timeout(site: Site) -> None:
    route = manifests.split({"v1": 100}) | MIRRORED | {"timeout": "0.2s"}
    site.apply("route.yaml", manifests.virtual_service(route))
    site.up()
    (candidate,) = site.pods("app-v2")
    os.kill(candidate["pid"], signal.SIGSTOP)
    try:
        plan = Plan(f"http://{manifests.HOST}/", rate=200.0, requests=200, connect=("127.0.0.1", site.port))
        report = await run(plan)
        assert report.failed == 0
        status = await asyncio.to_thread(settled, site, 200)
    finally:
        os.kill(candidate["pid"], signal.SIGCONT)
    row = mirror(status)
    assert row["failed"] == row["sent"] > 0
