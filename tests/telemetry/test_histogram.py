"""Quantiles from Envoy's buckets are within 5 % of the exact ones, whatever the latencies are like."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.telemetry.histogram import Bucket, cumulative, quantile, total
from turnout.telemetry.window_row import BUCKETS

MILLISECOND = 1_000.0
MINUTE = 60_000 * MILLISECOND
SHARES = (0.5, 0.9, 0.95, 0.99, 0.999)
LOWERS = [lower for lower, _ in BUCKETS]

latencies = st.floats(MILLISECOND, MINUTE)
"""In microseconds."""


def observed(values: Sequence[float]) -> Counter[Bucket]:
    return Counter(BUCKETS[bisect_right(LOWERS, value) - 1] for value in values)


def exact(values: Sequence[float], share: float) -> float:
    """The smallest that at least this share of all do not exceed."""
    return sorted(values)[bisect_left(range(1, len(values) + 1), share * len(values))]


def assert_close(values: Sequence[float]) -> None:
    for share in SHARES:
        assert quantile(observed(values), share) == pytest.approx(exact(values, share), rel=0.0501)


@given(st.lists(latencies, min_size=1, max_size=300))
def test_of_any_latencies(values: list[float]) -> None:
    assert_close(values)


@given(latencies, st.integers(1, 2_000))
def test_of_latencies_that_are_all_the_same(value: float, count: int) -> None:
    """They lie together at one end of a bucket, and not evenly in it."""
    assert_close([value] * count)


@given(latencies, latencies, st.integers(1, 1_000), st.integers(1, 1_000))
def test_of_two_kinds_of_latencies(one: float, other: float, ones: int, others: int) -> None:
    assert_close([one] * ones + [other] * others)


def test_of_latencies_at_either_end_of_any_bucket() -> None:
    for lower, width in BUCKETS:
        for share in SHARES if MILLISECOND <= lower <= MINUTE else ():
            assert quantile({(lower, width): 7}, share) == pytest.approx(lower, rel=0.0501)
            assert quantile({(lower, width): 7}, share) == pytest.approx(lower + width, rel=0.0501)


def mixed(often_ms: float, seldom_ms: float, share: float) -> Callable[[random.Random], float]:
    """Two kinds of latency, each a tenth around its mean."""

    def draw(chance: random.Random) -> float:
        mean = seldom_ms if chance.random() < share else often_ms
        return chance.gauss(mean, mean / 10) * MILLISECOND

    return draw


DRAWS: dict[str, Callable[[random.Random], float]] = {
    "log-normal": lambda chance: chance.lognormvariate(10, 1),
    "exponential": lambda chance: chance.expovariate(1 / (50 * MILLISECOND)),
    "20 ms, or 200 ms": mixed(20, 200, 0.1),
    "2 ms, or half a minute": mixed(2, 30_000, 0.01),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_of_what_services_are_like(draw: Callable[[random.Random], float]) -> None:
    chance = random.Random(7)
    assert_close([min(max(draw(chance), MILLISECOND), MINUTE) for _ in range(20_000)])


def test_a_quantile_never_falls_when_its_share_grows() -> None:
    chance = random.Random(7)
    buckets = observed([chance.uniform(MILLISECOND, 3 * MILLISECOND) for _ in range(200)])
    found = [quantile(buckets, share / 1000) or 0.0 for share in range(1, 1001)]
    assert found == sorted(found)


def test_nothing_observed_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None


def test_no_time_at_all_is_a_latency() -> None:
    assert quantile({(0.0, 0.0): 3}, 0.99) == 0.0


@given(st.lists(latencies, min_size=1, max_size=300))
def test_the_sum_is_within_5_percent(values: list[float]) -> None:
    assert total(observed(values)) == pytest.approx(sum(values), rel=0.0501)


@given(st.lists(latencies, max_size=300), st.lists(st.floats(1, 10 * MINUTE), max_size=10))
def test_what_does_not_exceed_a_bound_is_counted_to_within_a_bucket(values: list[float], bounds: list[float]) -> None:
    bounds.sort()
    counts = cumulative(observed(values), bounds)
    for bound, count in zip(bounds, counts, strict=True):
        assert sum(value < bound / 1.1 for value in values) <= count <= sum(value <= bound * 1.1 for value in values)
