"""Envoy's counters, looked at and kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from turnout.control.mishaps import Mishaps
from turnout.control.state import StateDir
from turnout.control.telemetry import Telemetry
from turnout.process import Identity
from turnout.telemetry.stats import MOST_SERIES

SERIES = "istio-ingressgateway;istio-system;gateway;latest;200;-;-;outbound|80||a.default.svc.cluster.local"


class Counting:
    """An Envoy whose counters the test sets: what it says is all that is asked of it here."""

    def __init__(self) -> None:
        self.identity = Identity(1, 1.0)
        self.counts: dict[str, int] = {}

    async def admin(self, method: str, path: str) -> tuple[int, bytes]:
        lines = (
            f"turnout.istio_requests_total.series.{SERIES};a-v1,default,a,v1,v1;{route}: {count}\n"
            for route, count in self.counts.items()
        )
        return 200, "".join(lines).encode()


@pytest.fixture
def envoy() -> Counting:
    return Counting()


@pytest.fixture
async def telemetry(envoy: Counting, tmp_path: Path) -> AsyncIterator[Telemetry]:
    made: Any = Telemetry(envoy, tmp_path / "telemetry.db", Mishaps(StateDir(tmp_path)))  # type: ignore[arg-type] # its one method
    yield made
    await made.close()


def put_aside(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.corrupt-*")]


async def test_what_an_envoy_counted_before_the_first_look_is_kept_if_we_started_it(
    telemetry: Telemetry, envoy: Counting
) -> None:
    telemetry.started(envoy.identity)
    envoy.counts = {"default": 3}
    await telemetry.look()
    windows = await telemetry.ask(lambda store: store.windows(0, 10**11, None, lambda _: True))
    assert sum(traffic.requests for _, found in windows for traffic in found.values()) == 3


async def test_too_many_series_are_a_problem_that_says_how_many(telemetry: Telemetry, envoy: Counting) -> None:
    envoy.counts = {f"route-{number}": 1 for number in range(MOST_SERIES)}
    await telemetry.look()
    assert telemetry.problems() == []
    envoy.counts["one-more"] = 1
    await telemetry.look()
    (found,) = telemetry.problems()
    assert found.code == "TNO407"
    assert found.message.startswith("1 kinds of requests")


async def test_a_damaged_store_is_put_aside_and_begun_afresh(envoy: Counting, tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    path.write_bytes(b"no database" * 1000)
    telemetry: Any = Telemetry(envoy, path, Mishaps(StateDir(tmp_path)))  # type: ignore[arg-type] # its one method
    await telemetry.record()
    await telemetry.close()
    assert put_aside(tmp_path) == ["telemetry.db.corrupt-1"]
