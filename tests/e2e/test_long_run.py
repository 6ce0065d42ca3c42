"""What only shows after a while: memory, descriptors, and the one failure in a hundred thousand. `make soak`."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from itertools import cycle

import psutil
import pytest
from tests.e2e.manifests import deployment
from tests.e2e.site import Site, is_ready, until
from tests.e2e.traffic import traffic

from turnout.resources.kinds import DEPLOYMENT

MINUTES = float(os.environ.get("TURNOUT_SOAK_MINUTES", "10"))
WARM_UP_SHARE = 0.2
MEGABYTE = 1024 * 1024
MOST_CONTROL_BYTES = 150 * MEGABYTE
"""In all: it fills its history of 4,096 events for some twenty minutes before it forgets the first."""
MOST_ENVOY_GROWTH_BYTES = 15 * MEGABYTE
MOST_DESCRIPTORS = 40
"""More than after the warm-up: a connection that is just being opened, a file that is just being read."""

pytestmark = [pytest.mark.soak, pytest.mark.e2e, pytest.mark.timeout(MINUTES * 60 + 300)]


def acts(site: Site) -> Iterator[str]:
    """What users do, again and again; each returns when Envoy serves it."""
    commands = cycle(
        [
            ("shift", "app", "v2=1"),
            ("shift", "app", "v2=50"),
            ("mirror", "app", "--to", "v2", "--methods", "GET"),
            ("mirror", "app", "--off"),
            ("undo",),
            ("shift", "app", "v2=0"),
        ]
    )
    for number, command in enumerate(commands):
        if number % 10 == 9:
            restart(site, str(number))
            yield "rolling restart"
        outcome = site.run(*command)
        assert outcome.status == 0, f"turnout {' '.join(command)}: {outcome.out}{outcome.err}"
        yield command[0]


def restart(site: Site, marker: str) -> None:
    """Both versions, until all pods are new and nothing older is left."""
    old = {pod["name"] for pod in site.pods()}
    patch = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": marker}}}}}
    with site.client() as client:
        for name in ("app-v1", "app-v2"):
            client.patch(DEPLOYMENT, "default", name, patch)
    until(
        "all pods are new",
        lambda: is_ready(site.status()) and not old & {pod["name"] for pod in site.pods()},
        seconds=60,
    )


def size(pid: int) -> tuple[int, int]:
    """Resident bytes and open descriptors."""
    process = psutil.Process(pid)
    return process.memory_info().rss, process.num_fds()


async def test_changes_for_minutes_on_end_leak_nothing_and_fail_nothing(site: Site) -> None:
    site.apply("v1.yaml", deployment("v1", replicas=2))
    up = site.up()
    envoy = site.status()["envoy"]["pid"]
    began, warm = time.monotonic(), dict[int, tuple[int, int]]()
    async with traffic(site.port, rate=200, slow_clients=5) as seen:
        todo = acts(site)
        while (elapsed := time.monotonic() - began) < MINUTES * 60:
            await asyncio.to_thread(next, todo)
            if not warm and elapsed > MINUTES * 60 * WARM_UP_SHARE:
                warm = {pid: size(pid) for pid in (up.pid, envoy)}
        found = {pid: size(pid) for pid in warm}
    for name, report in seen.reports.items():
        assert (report.failed, report.unfinished) == (0, 0), f"{name}: {report.errors}, {report.codes}"
    assert found[up.pid][0] < MOST_CONTROL_BYTES
    assert found[envoy][0] - warm[envoy][0] < MOST_ENVOY_GROWTH_BYTES
    assert all(found[pid][1] - warm[pid][1] < MOST_DESCRIPTORS for pid in warm)
    assert site.status()["envoy"]["pid"] == envoy, "it never died"
