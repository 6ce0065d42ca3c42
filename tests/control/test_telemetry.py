"""Envoy's counters, looked at and kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from turnout.control.mishaps import Mishaps
from turnout.control.state import StateDir
from turnout.control.telemetry import MOST_LOOKS, Telemetry
from turnout.process import Identity
from turnout.telemetry.stats import MOST_SERIES, SCRAPE

SERIES = "istio-ingressgateway;istio-system;gateway;latest;200;-;-;outbound|80||a.default.svc.cluster.local"


class Counting:
    """An Envoy whose counters the test sets: what it says is all that is asked of it here."""

    def __init__(self) -> None:
        self.identity = Identity(1, 1.0)
        self.counts: dict[str, int] = {}
        self.merged: list[int] = []
        """What the histogram of sizes has, scrape by scrape; the last for ever."""
        self.scrapes = 0

    async def admin(self, method: str, path: str) -> tuple[int, bytes]:
        if path != SCRAPE:
            return 200, b""
        self.scrapes += 1
        lines = [
            f"turnout.istio_requests_total.series.{SERIES};a-v1,default,a,v1,v1;{route}: {count}\n"
            for route, count in self.counts.items()
        ]
        if self.merged:
            observed = self.merged.pop(0) if len(self.merged) > 1 else self.merged[0]
            name = f"turnout.istio_request_bytes.series.{SERIES};a-v1,default,a,v1,v1;default"
            lines.append(f"{name}:\n  totals=100,10:{observed}\n  intervals=\n  summary=\n")
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


@pytest.mark.parametrize(("merged", "scrapes"), [([3], 1), ([1, 2, 3], 3), ([0], 1 + MOST_LOOKS)])
async def test_histograms_that_envoy_merges_later_are_waited_for_but_not_for_ever(
    telemetry: Telemetry, envoy: Counting, merged: list[int], scrapes: int
) -> None:
    telemetry.started(envoy.identity)
    envoy.counts, envoy.merged = {"default": 3}, merged
    await telemetry.look_closely()
    assert envoy.scrapes == scrapes
    assert sum(telemetry.window.totals().values()) == 3
