"""Envoy's log-linear histograms (circllhist): each bucket spans one unit of the second significant digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Bucket = tuple[float, float]
"""Lower bound and width of a bucket: of microseconds, or of bytes."""
Buckets = Mapping[Bucket, int]


def quantile(buckets: Buckets, share: float) -> float | None:
    """The value below which `share` of the observations lie, interpolated within its bucket; None of nothing."""
    total = sum(buckets.values())
    if not total:
        return None
    wanted, seen = share * total, 0
    for (lower, width), count in sorted(buckets.items()):
        if seen + count >= wanted:
            return lower + width * (wanted - seen) / count
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
