"""One measured figure, and whether it is what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; at most `target`, where there is one. `against`: the peer or baseline, in words."""

    name: str
    value: float
    unit: str
    target: float | None = None
    against: str = ""

    @property
    def missed(self) -> bool:
        return self.target is not None and self.value > self.target

    @property
    def verdict(self) -> str:
        """A figure without a target is there to compare with."""
        if self.target is None:
            return ""
        return "MISSED" if self.missed else "OK"

    def line(self) -> str:
        wanted = "" if self.target is None else f"≤ {number(self.target)} {self.unit}"
        columns = f"  {self.name:<66} {number(self.value):>7} {self.unit:<3} {wanted:<14} {self.verdict:<7}"
        return f"{columns} {self.against}".rstrip()


def number(value: float) -> str:
    """Three digits that count, no exponent."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1g}"


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all do not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def milliseconds(name: str, seconds: Sequence[float], targets: tuple[float | None, float | None]) -> list[Figure]:
    """Median and 99th percentile of a sample, against their targets in milliseconds."""
    p50, p99 = targets
    return [
        Figure(f"{name}, p50", median(seconds) * 1000, "ms", p50),
        Figure(f"{name}, p99", quantile(seconds, 0.99) * 1000, "ms", p99, f"{len(seconds)} times"),
    ]
