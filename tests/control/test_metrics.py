"""A scrape sees every request that had ended when it was asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from turnout import __version__
from turnout.control import metrics
from turnout.control.metrics import Metrics
from turnout.control.mishaps import Mishaps
from turnout.control.state import StateDir
from turnout.control.telemetry import Telemetry
from turnout.process import Identity
from turnout.telemetry.stats import MERGE
from turnout.xds.envoy import Envoy

STAT = "turnout.istio_requests_total.series.caller;default;caller;latest;200;-;-;-;;default"


class Counting:
    """An Envoy of which only the admin interface is there; it answers when it is let."""

    def __init__(self) -> None:
        self.identity = Identity(1, 1.0)
        self.requests = 0
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def admin(self, method: str, path: str) -> tuple[int, bytes]:
        if path == "/server_info":
            return 200, json.dumps({"version": "1234abcd/1.40.0/Clean/RELEASE/BoringSSL"}).encode()
        if path == MERGE:
            return 200, b""
        body = f"{STAT}: {self.requests}\n".encode()
        self.asked.set()
        await self.answers.wait()
        return 200, body


@pytest.fixture
async def envoy() -> Counting:
    return Counting()


@pytest.fixture
async def telemetry(envoy: Counting, tmp_path: Path) -> AsyncIterator[Telemetry]:
    found = Telemetry(cast(Envoy, envoy), tmp_path / "telemetry.db", Mishaps(StateDir(tmp_path)))
    found.started(envoy.identity)
    yield found
    await found.close()


async def scraped(scrape: Metrics) -> str:
    found = await scrape("")
    return b"".join([piece async for piece in found.pieces]).decode()


def count(text: str) -> int:
    lines = [line for line in text.splitlines() if line.startswith('istio_requests_total{reporter="source"')]
    return sum(int(line.rpartition(" ")[2]) for line in lines)


async def test_a_scrape_looks_anew(envoy: Counting, telemetry: Telemetry) -> None:
    scrape = Metrics(cast(Envoy, envoy), telemetry)
    for envoy.requests in (3, 5):
        assert count(await scraped(scrape)) == envoy.requests


async def test_a_scrape_sees_what_came_after_a_look_had_begun(envoy: Counting, telemetry: Telemetry) -> None:
    scrape = Metrics(cast(Envoy, envoy), telemetry)
    envoy.answers.clear()
    envoy.asked.clear()
    looking = asyncio.create_task(telemetry.look())
    await envoy.asked.wait()
    envoy.requests = 7
    scraping = asyncio.create_task(scraped(scrape))
    await asyncio.sleep(0)
    envoy.answers.set()
    assert count(await scraping) == 7
    await looking


async def test_of_an_envoy_that_hangs_the_last_counts_are_told(
    envoy: Counting, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "LOOK_SECONDS", 0.01)
    scrape = Metrics(cast(Envoy, envoy), telemetry)
    envoy.requests = 2
    assert count(await scraped(scrape)) == 2
    envoy.requests = 9
    envoy.answers.clear()
    assert count(await scraped(scrape)) == 2
    envoy.answers.set()
    with suppress(TimeoutError):
        await telemetry.look()


async def test_the_versions_of_both_components_are_told(envoy: Counting, telemetry: Telemetry) -> None:
    text = await scraped(Metrics(cast(Envoy, envoy), telemetry))
    assert f'istio_build{{component="pilot",tag="{__version__}"}} 1\n' in text
    assert 'istio_build{component="proxy",tag="1.40.0"} 1\n' in text
