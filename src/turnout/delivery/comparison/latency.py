"""Whether the candidate's answers take longer. One test fits every quantile: the share slower than stable's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from turnout.delivery.comparison.discovery import Test
from turnout.delivery.comparison.distribution import quantities
from turnout.delivery.comparison.durations import Durations, ms
from turnout.delivery.comparison.kind import Kind
from turnout.delivery.comparison.proportion import Count, least, more
from turnout.delivery.comparison.tally import Route

QUANTILES = ((0.5, 0.10), (0.9, 0.05), (0.99, 0.02))
"""Of stable's answers to its users; and from which excess on it counts. Two processes are never quite as fast."""
_DISTANCE = 0.1
LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Slowness:
    """One look at it: `path` is LATENCY, or `latency.p90`. `large`: by more than two processes differ anyway."""

    path: str
    kind: Kind
    candidate: Count
    baseline: Count
    test: Test
    large: bool
    words: str


def slownesses(route: Route) -> Iterator[Slowness]:
    """The candidate's copies beside baseline's: both are copies, and what being one costs, both pay.

    The thresholds come from the answers that users got, which are no part of the test.
    """
    candidate, baseline = (route.durations.get(side) for side in ("candidate", "baseline"))
    stable = route.durations.get("stable")
    if candidate is None or baseline is None:
        return
    for share, tolerance in QUANTILES if stable else ():
        bucket = stable.quantile(share) if stable else None
        if bucket is not None:
            yield _beyond(bucket, share, tolerance, candidate, baseline)
    yield _whole(candidate, baseline)


def _beyond(bucket: int, share: float, tolerance: float, candidate: Durations, baseline: Durations) -> Slowness:
    one = Count(candidate.slower(bucket), candidate.total)
    other = Count(baseline.slower(bucket), baseline.total)
    test = Test(more(one, other), least(one, other))
    name = f"p{share * 100:g}"
    words = f"slower than stable's {name}, {ms(bucket):.3g} ms"
    return Slowness(f"{LATENCY}.{name}", Kind.SLOWER, one, other, test, one.share - other.share >= tolerance, words)


def _whole(candidate: Durations, baseline: Durations) -> Slowness:
    """All durations together: also where copies are slower than all that users wait for."""
    one, other = candidate.quantile(0.5), baseline.quantile(0.5)
    assert one is not None, "durations are made to be counted"
    assert other is not None, "durations are made to be counted"
    found = quantities({ms(i): n for i, n in candidate.counts.items()}, {ms(i): n for i, n in baseline.counts.items()})
    kind = Kind.SLOWER if one >= other else Kind.FASTER
    counts = Count(candidate.slower(other), candidate.total), Count(baseline.slower(other), baseline.total)
    words = f"median {ms(one):.3g} ms against {ms(other):.3g} ms"
    return Slowness(LATENCY, kind, *counts, Test(found.p, found.least), found.size >= _DISTANCE, words)
