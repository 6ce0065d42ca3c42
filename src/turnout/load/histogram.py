"""Latencies in constant memory, with percentiles accurate to 0.4 %."""

from __future__ import annotations

import math

_SUB_BITS = 7
_BUCKETS = 41 << _SUB_BITS
"""Up to 2^47 ns, a day and a half."""


class Histogram:
    """Log-linear, as HdrHistogram: 128 buckets for every power of two of nanoseconds.

    Count, sum, shortest and longest are exact; a percentile is its bucket's middle.
    """

    __slots__ = ("count", "counts", "longest_seconds", "shortest_seconds", "total_seconds")

    def __init__(self) -> None:
        self.counts = [0] * _BUCKETS
        self.count = 0
        self.total_seconds = 0.0
        self.shortest_seconds = math.inf
        self.longest_seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one latency."""
        self.count += 1
        self.total_seconds += seconds
        if seconds > self.longest_seconds:  # noqa: PLR1730 - max() takes twice as long, once per request
            self.longest_seconds = seconds
        if seconds < self.shortest_seconds:  # noqa: PLR1730 - as above
            self.shortest_seconds = seconds
        self.counts[_bucket(seconds)] += 1

    def merge(self, other: Histogram) -> None:
        """Count everything that the other one counted."""
        self.count += other.count
        self.total_seconds += other.total_seconds
        self.shortest_seconds = min(self.shortest_seconds, other.shortest_seconds)
        self.longest_seconds = max(self.longest_seconds, other.longest_seconds)
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]

    def percentile(self, percent: float) -> float | None:
        """Seconds that `percent` of the latencies do not exceed (nearest rank); None when there are none."""
        if not self.count:
            return None
        rank = max(1, math.ceil(round(percent * self.count / 100, 6)))
        seen = 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if seen >= rank:
                return min(max(_middle_seconds(bucket), self.shortest_seconds), self.longest_seconds)
        raise AssertionError("counts add up to count")

    @property
    def mean_seconds(self) -> float | None:
        """None when there are no latencies."""
        return self.total_seconds / self.count if self.count else None


def _bucket(seconds: float) -> int:
    nanoseconds = max(0, int(seconds * 1e9))
    shift = max(0, nanoseconds.bit_length() - _SUB_BITS - 1)
    return min((shift << _SUB_BITS) + (nanoseconds >> shift), _BUCKETS - 1)


def _middle_seconds(bucket: int) -> float:
    # Buckets of the first two groups are one nanosecond wide; each further group doubles the width.
    shift = max(0, (bucket >> _SUB_BITS) - 1)
    low = (bucket - (shift << _SUB_BITS)) << shift
    return (low + (1 << shift) / 2) / 1e9
