"""How many of many requests each version answered, and whether that agrees with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from turnout.delivery import binomial

SIGNIFICANCE = 1e-6
"""How often a split that is as expected may fail a test: once in a million."""


@dataclass(frozen=True, slots=True)
class Split:
    """`counts`: by version; what Envoy answered by itself is counted under its status, as `503`."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def percent(self, version: str) -> float:
        """Of a hundred requests, those that this version answered."""
        return 100 * self.counts.get(version, 0) / self.total if self.total else 0.0

    def close_to(self, expected: Mapping[str, float], significance: float = SIGNIFICANCE) -> bool:
        """True where chance explains the difference to these weights; else AssertionError, which says what was seen.

        Each version's count is held against its binomial distribution, exactly, and versions share the significance
        (Bonferroni). Weights need not sum up to 100, as in Istio. What is not expected must not have answered at all.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        weights = sum(expected.values())
        if weights <= 0 or min(expected.values()) < 0 or not 0 < significance < 1:
            raise ValueError(f"weights are not negative, and not all 0: {dict(expected)}")
        tail = significance / (2 * len(expected))
        shares = {version: weight / weights for version, weight in expected.items()}
        lines = [self._line(version, shares.get(version, 0.0), tail) for version in {**shares, **self.counts}]
        if not self.total or any(wrong for wrong, _ in lines):
            seen = "\n".join(line for _, line in lines)
            raise AssertionError(f"{self.total:,} requests are not split as expected:\n{seen}")
        return True

    def _line(self, version: str, share: float, tail: float) -> tuple[bool, str]:
        """Whether a version's count is wrong, and what there is to say of it."""
        count = self.counts.get(version, 0)
        low, high = plausible(self.total, share, tail)
        wrong = not low <= count <= high
        mark = "✗" if wrong else " "
        said = f"{mark} {version}: {count:,} ({self.percent(version):.1f} %), expected {100 * share:g} %"
        return wrong, f"{said}: {low:,} to {high:,} would do"


def plausible(total: int, share: float, tail: float) -> tuple[int, int]:
    """The counts that are not in either tail of the binomial distribution."""
    if share <= 0 or share >= 1:
        certain = total if share >= 1 else 0
        return certain, certain
    return (
        _first(total, lambda count: binomial.at_most(count, total, share) > tail),
        _first(total, lambda count: binomial.at_least(count + 1, total, share) <= tail),
    )


def _first(total: int, holds: Callable[[int], bool]) -> int:
    """The smallest count from which on it holds, by bisection."""
    low, high = 0, total
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
