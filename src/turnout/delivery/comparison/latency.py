"""Whether the candidate's answers take longer. One test fits every quantile: the share slower than stable's.

The candidate's copies are compared with stable's answers to users, and with its answers to copies. Neither alone would
do: the second copy finds stable warm, when it answers at once, or busy with the first, when it does one thing at a
time. What is slower has to be slower than both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from turnout.delivery.comparison.discovery import Test
from turnout.delivery.comparison.distribution import Contrast, quantities
from turnout.delivery.comparison.durations import Durations, bucket, ms
from turnout.delivery.comparison.kind import Kind
from turnout.delivery.comparison.proportion import Count, least, more
from turnout.delivery.comparison.tally import Route

QUANTILES = ((0.5, 0.10), (0.9, 0.05), (0.99, 0.02))
"""Of stable's answers to its users; and from which excess on it counts."""
SLACK_MS, SLACK_SHARE = 1.0, 0.05
"""Two processes are never quite as fast: less than the larger of both is no difference, however sure it is."""
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
    """None unless all three have been timed."""
    candidate, baseline = (route.durations.get(side) for side in ("candidate", "baseline"))
    stable = route.durations.get("stable")
    if candidate is None or baseline is None or stable is None:
        return
    for share, tolerance in QUANTILES:
        yield _beyond(share, tolerance, candidate, (baseline, stable))
    yield _whole(candidate, (baseline, stable))


def _beyond(share: float, tolerance: float, candidate: Durations, others: tuple[Durations, Durations]) -> Slowness:
    """Counted is what exceeds stable's quantile by more than the slack."""
    quantile_ms = _quantile_ms(others[1], share)
    bound = bucket(quantile_ms + _slack_ms(quantile_ms))
    one = Count(candidate.slower(bound), candidate.total)
    other = max((Count(each.slower(bound), each.total) for each in others), key=lambda count: count.share)
    test = Test(more(one, other), least(one, other))
    name = f"p{share * 100:g}"
    words = f"slower than {ms(bound):.3g} ms; stable's {name} is {quantile_ms:.3g} ms"
    return Slowness(f"{LATENCY}.{name}", Kind.SLOWER, one, other, test, one.share - other.share >= tolerance, words)


def _whole(candidate: Durations, others: tuple[Durations, Durations]) -> Slowness:
    """All durations together, beside whoever is nearer."""
    contrast, other = min(((_contrast(candidate, each), each) for each in others), key=lambda found: found[0].size)
    one_ms, other_ms = _quantile_ms(candidate, 0.5), _quantile_ms(other, 0.5)
    all_ms = [_quantile_ms(each, 0.5) for each in others]
    is_between = min(all_ms) <= one_ms <= max(all_ms)
    large = contrast.size >= _DISTANCE and abs(one_ms - other_ms) >= _slack_ms(other_ms) and not is_between
    bound = bucket(other_ms)
    one, beside = (Count(each.slower(bound), each.total) for each in (candidate, other))
    kind = Kind.SLOWER if one_ms >= other_ms else Kind.FASTER
    words = f"median {one_ms:.3g} ms against {other_ms:.3g} ms"
    return Slowness(LATENCY, kind, one, beside, Test(contrast.p, contrast.least), large, words)


def _contrast(one: Durations, other: Durations) -> Contrast:
    return quantities({ms(i): n for i, n in one.counts.items()}, {ms(i): n for i, n in other.counts.items()})


def _quantile_ms(durations: Durations, share: float) -> float:
    found = durations.quantile(share)
    assert found is not None, "durations are made to be counted"
    return ms(found)


def _slack_ms(of_ms: float) -> float:
    return max(SLACK_MS, SLACK_SHARE * of_ms)
