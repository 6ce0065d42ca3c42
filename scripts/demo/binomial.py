"""How far a count may lie from what is expected, by chance alone."""

from __future__ import annotations

import math


def interval(n: int, p: float, confidence: float) -> tuple[int, int]:
    """The exact central interval of a binomial count, both ends included.

    A count of `n` trials with probability `p` lies below it with at most (1 - confidence) / 2, and above it likewise.
    """
    assert n >= 0
    assert 0 < p < 1
    assert 0 < confidence < 1
    tail = (1 - confidence) / 2
    probabilities = [_probability(n, p, count) for count in range(n + 1)]
    return _first_above(probabilities, tail), n - _first_above(probabilities[::-1], tail)


def _first_above(probabilities: list[float], tail: float) -> int:
    """The first count at which the sum from the left exceeds `tail`."""
    total = 0.0
    for count, probability in enumerate(probabilities):
        total += probability
        if total > tail:
            return count
    raise AssertionError("probabilities sum to 1")


def _probability(n: int, p: float, count: int) -> float:
    # In logarithms: 400 choose 85 has 89 digits.
    ways = math.lgamma(n + 1) - math.lgamma(count + 1) - math.lgamma(n - count + 1)
    return math.exp(ways + count * math.log(p) + (n - count) * math.log1p(-p))
