"""The binomial distribution's tails, exactly, and the interval of Clopper and Pearson that follows from them.

C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26 (1934). The tails are values of the regularised incomplete beta function: NIST DLMF, section 8.17,
whose continued fraction (8.17.22) is evaluated by Lentz's method.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p

_PRECISION = 1e-15
_TINY = 1e-300
_HALVINGS = 60


def at_least(count: int, total: int, share: float) -> float:
    """P(X ≥ count) when each of `total` happens with probability `share`."""
    return incomplete_beta(share, count, total - count + 1) if count > 0 else 1.0


def at_most(count: int, total: int, share: float) -> float:
    """P(X ≤ count)."""
    return incomplete_beta(1 - share, total - count, count + 1) if count < total else 1.0


def agrees(count: int, total: int, low: float, high: float, confidence: float) -> bool:
    """Whether the exact interval around what was seen meets `low`…`high`. Cheaper than to compute it."""
    tail = (1 - confidence) / 2
    return at_least(count, total, high) > tail and at_most(count, total, low) > tail


def interval(count: int, total: int, confidence: float) -> tuple[float, float]:
    """Clopper and Pearson's: it covers the true share at least as often as `confidence` says. 0 to 1 of nothing."""
    tail = (1 - confidence) / 2
    low = beta_quantile(tail, count, total - count + 1) if count else 0.0
    high = beta_quantile(1 - tail, count + 1, total - count) if count < total else 1.0
    return low, high


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Where the beta distribution's function reaches a probability, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if incomplete_beta(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incomplete_beta(x: float, a: float, b: float) -> float:
    """I_x(a, b), regularised: from 0 at x = 0 to 1 at x = 1. `a` and `b` are above 0."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):  # where the fraction converges fast; on the other side its mirror image does
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """DLMF 8.17.22, from the front: two terms a round. It takes about as many rounds as the root of max(a, b)."""
    c, d = 1.0, _reciprocal(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 100 + int(10 * max(a, b) ** 0.5)):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        before = value
        for term in (even, odd):
            d, c = _reciprocal(1 + term * d), _apart(1 + term / c)
            value *= c * d
        if abs(value - before) <= _PRECISION * abs(value):
            break
    return value


def _reciprocal(value: float) -> float:
    return 1 / _apart(value)


def _apart(value: float) -> float:
    """Away from zero, as Lentz's method wants it."""
    return value if abs(value) > _TINY else _TINY
