"""Two counts against each other: exact tests, intervals, and how many pairs it takes to see a difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_NEGLIGIBLE = 1e-17
MOST_PAIRS = 10_000_000
"""What more pairs than that would show is not worth waiting for."""


@dataclass(frozen=True, slots=True)
class Count:
    """`hits` of `of`."""

    hits: int
    of: int

    def __post_init__(self) -> None:
        assert 0 <= self.hits <= self.of, f"{self.hits} of {self.of}"

    @property
    def share(self) -> float:
        """0 of nothing."""
        return self.hits / self.of if self.of else 0.0

    @property
    def rest(self) -> Count:
        """Those that are no hits."""
        return Count(self.of - self.hits, self.of)


def more(one: Count, other: Count) -> float:
    """p: how likely `one` has at least this many of all hits if both have the same share. One-sided.

    Fisher's exact test: given how many hits there are together, they are a draw without replacement
    (R. A. Fisher, The logic of inductive inference, J. R. Stat. Soc. 98, 1935). It holds at any size, and stays
    on the safe side where both counts are of the same requests, which makes them more alike than by chance.
    """
    hits, of = one.hits + other.hits, one.of + other.of
    return _at_least(one.hits, hits, one.of, of)


def least(one: Count, other: Count) -> float:
    """The smallest p that `more` could give for these totals: all hits that fit are `one`'s."""
    hits, of = one.hits + other.hits, one.of + other.of
    return math.exp(_log_chance(min(hits, one.of), hits, one.of, of))


def differs(one: Count, other: Count) -> float:
    """p, two-sided: twice the smaller tail."""
    return min(1.0, 2 * min(more(one, other), more(other, one)))


def least_differing(one: Count, other: Count) -> float:
    """The smallest p that `differs` could give for these totals."""
    return min(1.0, 2 * min(least(one, other), least(other, one)))


def _at_least(count: int, hits: int, drawn: int, of: int) -> float:
    """P(X >= count), X hypergeometric: from the term at `count` outwards, towards where the terms get smaller."""
    lowest, highest = max(0, hits + drawn - of), min(hits, drawn)
    if count <= lowest:
        return 1.0
    if count > hits * drawn / of:
        return min(1.0, _tail(count, highest, 1, (hits, drawn, of)))
    return max(0.0, 1.0 - _tail(count - 1, lowest, -1, (hits, drawn, of)))


def _tail(start: int, end: int, step: int, table: tuple[int, int, int]) -> float:
    """The terms from `start` to `end`, each from the one before."""
    hits, drawn, of = table
    spare = of - hits - drawn
    term = result = math.exp(_log_chance(start, hits, drawn, of))
    for k in range(start, end, step):
        if step > 0:
            term *= (hits - k) * (drawn - k) / ((k + 1) * (spare + k + 1))
        else:
            term *= k * (spare + k) / ((hits - k + 1) * (drawn - k + 1))
        result += term
        if term < _NEGLIGIBLE * result:
            break
    return result


def _log_chance(count: int, hits: int, drawn: int, of: int) -> float:
    """Of exactly `count` hits among those drawn."""
    return _log_choose(hits, count) + _log_choose(of - hits, drawn - count) - _log_choose(of, drawn)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def interval(count: Count, confidence: float = 0.95) -> tuple[float, float]:
    """Where the share may lie: Wilson's score interval (J. Am. Stat. Assoc. 22, 1927). Of nothing: anywhere."""
    if not count.of:
        return 0.0, 1.0
    z = _NORMAL.inv_cdf((1 + confidence) / 2)
    n, p = count.of, count.share
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if not count.hits else max(0.0, middle - reach)
    high = 1.0 if count.hits == n else min(1.0, middle + reach)
    return low, high


def excess(one: Count, other: Count, confidence: float = 0.95) -> tuple[float, float]:
    """Where the difference of the shares may lie (R. G. Newcombe, Statist. Med. 17, 1998, method 10)."""
    low, high = interval(one, confidence)
    other_low, other_high = interval(other, confidence)
    difference = one.share - other.share
    below = math.hypot(one.share - low, other_high - other.share)
    above = math.hypot(high - one.share, other.share - other_low)
    return difference - below, difference + above


@lru_cache(maxsize=4096)
def needed(share: float, noise: float, ratio: float, level: float, power: float) -> int | None:
    """About how many candidate pairs it takes to find `share` above `noise`; None: more than MOST_PAIRS.

    `ratio`: baseline's pairs per candidate's. Found means p <= `level`, and that with a probability of `power`.
    """
    if share <= noise or ratio <= 0:
        return None
    low, high = 0, 1
    while not _seen(high, share, noise, ratio, level, power):
        low, high = high, high * 2
        if low >= MOST_PAIRS:
            return None
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if _seen(middle, share, noise, ratio, level, power) else (middle, high)
    return high


def _seen(pairs: int, share: float, noise: float, ratio: float, level: float, power: float) -> bool:
    """With hits as few, and noise as often, as must be reckoned with."""
    copies = max(1, round(pairs * ratio))
    few = share - _NORMAL.inv_cdf(power) * math.sqrt(
        share * (1 - share) / pairs + noise * (1 - noise) / copies,
    )
    one, other = Count(max(0, min(pairs, math.floor(pairs * few))), pairs), Count(round(copies * noise), copies)
    return more(one, other) <= level


def detectable(pairs: int, copies: int, level: float, power: float) -> float | None:
    """The smallest share of answers in which a difference, where stable never has one, would have been found.

    None: not even one in every answer.
    """
    if not pairs or not copies:
        return None
    if not _seen(pairs, 1.0, 0.0, copies / pairs, level, power):
        return None
    low, high = 0.0, 1.0
    while high - low > 0.01 * high:
        middle = (low + high) / 2
        found = _seen(pairs, middle, 0.0, copies / pairs, level, power)
        low, high = (low, middle) if found else (middle, high)
    return high
