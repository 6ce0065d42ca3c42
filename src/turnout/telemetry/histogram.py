"""Envoy's log-linear histograms (circllhist): each bucket spans one unit of the second significant digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Bucket = tuple[float, float]
"""Lower bound and width of a bucket: of microseconds, or of bytes."""
Buckets = Mapping[Bucket, int]


WITHIN = 0.05
"""How far a quantile is off at most, relative to the exact one: a bucket is at most a tenth of its lower bound wide."""


def quantile(buckets: Buckets, share: float) -> float | None:
    """The smallest observation that at least this share of all do not exceed, give or take WITHIN; None of nothing."""
    wanted, seen = share * sum(buckets.values()), 0
    for (lower, width), count in sorted(buckets.items()):
        if seen + count >= wanted:
            # As if they lay evenly in the bucket. They may all lie at one end: no further from either than is said.
            even = lower + width * (wanted - seen) / count
            return min(max(even, (1 - WITHIN) * (lower + width)), (1 + WITHIN) * lower)
        seen += count
    return None


def added(one: Buckets, other: Buckets) -> dict[Bucket, int]:
    """Both together."""
    together = dict(one)
    for bucket, count in other.items():
        together[bucket] = together.get(bucket, 0) + count
    return together


def total(buckets: Buckets) -> float:
    """The sum of all observations, each taken for the middle of its bucket: within 5 %."""
    return sum((lower + width / 2) * count for (lower, width), count in buckets.items())


def cumulative(buckets: Buckets, bounds: Sequence[float]) -> list[int]:
    """How many observations are at most each bound (ascending), as Prometheus counts; of a bucket its middle tells."""
    middles = sorted((lower + width / 2, count) for (lower, width), count in buckets.items())
    counts, seen, position = [], 0, 0
    for bound in bounds:
        while position < len(middles) and middles[position][0] <= bound:
            seen += middles[position][1]
            position += 1
        counts.append(seen)
    return counts
