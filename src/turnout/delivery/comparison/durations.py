"""How long answers took, in buckets 2 % wide: bounded, exact to add up, and fine enough for any threshold."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

_WIDTH = math.log(1.02)
_LOWEST, _HIGHEST = -350, 800
"""From a microsecond to two hours."""


@dataclass(slots=True)
class Durations:
    """Counts by bucket; bucket i ends at 1.02^i ms, which belongs to it."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, duration_ms: float) -> None:
        """Count one answer."""
        self.counts[bucket(duration_ms)] += 1

    def merge(self, other: Durations) -> None:
        """As if all had been counted here."""
        self.counts.update(other.counts)

    @property
    def total(self) -> int:
        """How many answers."""
        return self.counts.total()

    def quantile(self, share: float) -> int | None:
        """The first bucket up to which at least this share of all answers lies; None of nothing."""
        wanted, seen = share * self.total, 0
        for index, count in sorted(self.counts.items()):
            seen += count
            if seen >= wanted:
                return index
        return None

    def slower(self, than: int) -> int:
        """How many answers took longer than all that the bucket `than` holds."""
        return sum(count for index, count in self.counts.items() if index > than)


def bucket(duration_ms: float) -> int:
    """The one that holds it."""
    index = math.ceil(math.log(duration_ms) / _WIDTH) if duration_ms > 0 else _LOWEST
    return min(max(index, _LOWEST), _HIGHEST)


def ms(index: int) -> float:
    """Where a bucket ends."""
    return math.exp(index * _WIDTH)
