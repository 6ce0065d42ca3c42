"""Turnout's quantiles, from Envoy's histograms and the store, beside those of what a client measured itself."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import httptools
import pytest
from tests.e2e.manifests import HOST
from tests.e2e.site import Site, until

pytestmark = [pytest.mark.e2e]

WITHIN = 0.05
SHARES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999}
FAST_MS, SLOW_MS, SLOW_SHARE = 40.0, 250.0, 0.15
"""Either takes a tenth more or less (standard deviation). No quantile lies where one kind ends and the other begins."""
CLIENTS = 56
"""About 800 requests per second: the client, Envoy and the service have little to wait for each other."""
WEEK_SECONDS = 7 * 86_400


def delays(requests: int) -> Iterator[float]:
    """Seconds after which the service is to answer."""
    chance = Random(requests)
    for _ in range(requests):
        mean = SLOW_MS if chance.random() < SLOW_SHARE else FAST_MS
        yield max(chance.gauss(mean, mean / 10), 1.0) / 1000


class Asker(asyncio.Protocol):
    """One connection: the next request as soon as the last is answered."""

    def __init__(self, todo: Iterator[float], taken_ms: list[float]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._todo = todo
        self._taken_ms = taken_ms

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._now = time.perf_counter()
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._taken_ms.append((self._now - self._asked) * 1000)
        if self._parser.get_status_code() == 200:
            self._ask()
        else:
            self._end(AssertionError(f"status {self._parser.get_status_code()}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionError("Envoy hung up"))

    def _ask(self) -> None:
        delay = next(self._todo, None)
        if delay is None:
            self._end()
            return
        self._parser = httptools.HttpResponseParser(self)
        self._asked = time.perf_counter()
        self._transport.write(f"GET /slow?seconds={delay:.6f} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())

    def _end(self, error: Exception | None = None) -> None:
        if not self.done.done():
            self.done.set_exception(error) if error else self.done.set_result(None)
            self._transport.close()


async def measured(port: int, requests: int) -> list[float]:
    """How many milliseconds each request took, in ascending order."""
    todo, taken_ms = delays(requests), list[float]()
    loop = asyncio.get_running_loop()
    askers = [
        (await loop.create_connection(lambda: Asker(todo, taken_ms), "127.0.0.1", port))[1] for _ in range(CLIENTS)
    ]
    await asyncio.gather(*(asker.done for asker in askers))
    return sorted(taken_ms)


def exact(ordered: Sequence[float], share: float) -> float:
    """The smallest that at least this share of all do not exceed."""
    return ordered[bisect_left(range(1, len(ordered) + 1), share * len(ordered))]


def told(site: Site) -> dict[str, dict[str, Any]]:
    """The service's requests since the beginning, as two views have them from the store."""
    with site.client() as client:
        edges = client.view("graph", seconds=str(WEEK_SECONDS))["edges"]
        versions = client.view("series", service="app", seconds="3600", step=str(WEEK_SECONDS))["versions"]
    points = [point for version in versions for point in version["points"]]
    return {"graph": edges[0], "series": points[0]} if len(edges) == len(points) == 1 else {}


async def assert_close(site: Site, requests: int) -> None:
    site.up()
    ordered = await measured(site.port, requests)
    assert len(ordered) == requests
    until("all are counted", lambda: {view["requests"] for view in told(site).values()} == {requests})
    found = told(site)  # Envoy's histograms are those of the look before
    assert found.keys() == {"graph", "series"}
    for view, figures in found.items():
        for key, share in SHARES.items():
            own, theirs = figures[key], exact(ordered, share)
            figure = f"{view} {key}: {own:.2f}, exact {theirs:.2f}, {own / theirs - 1:+.2%}"
            print(figure)  # noqa: T201 - what `make soak` is run for: see it with -s
            assert own == pytest.approx(theirs, rel=WITHIN), figure


async def test_quantiles_are_those_that_the_client_has_measured(site: Site) -> None:
    await assert_close(site, 5_000)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_quantiles_of_a_hundred_thousand_requests_are_those_that_the_client_has_measured(site: Site) -> None:
    await assert_close(site, 100_000)
