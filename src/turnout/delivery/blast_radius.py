"""How many of the users' requests a weight touches, when each of them calls the service several times.

A weight moves calls, not users: at 1 %, a page that makes 25 calls meets the candidate once in five times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

_TENTH = Decimal("0.1")
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class FanOut:
    """Calls of the service per user request. `distribution`: how many user requests made how many calls.

    Without one (no traces), `mean` alone gives an upper bound: 1 - (1-w)^mean, since (1-w)^k is convex in k; where the
    mean is below 1, w·mean is a smaller one, since no more requests are touched than calls.

    `together`: all calls of one user request go the same way, so that none is touched more often than by one call.
    """

    mean: float
    distribution: Mapping[int, int] | None = None
    together: bool = False

    def __post_init__(self) -> None:
        assert self.mean >= 0, self.mean
        assert self.distribution is None or any(self.distribution.values()), "a distribution of nothing"

    @property
    def exact(self) -> bool:
        """Whether the distribution is known."""
        return self.distribution is not None

    def touched(self, weight: float) -> float:
        """The share of user requests with a call to the candidate, at a weight of 0 to 1: 1 - mean((1-w)^k)."""
        if self.together:
            return weight * self._calling
        if self.distribution is None:
            return min(1 - float((1 - weight) ** self.mean), weight * self.mean)
        spared: float = sum(n * (1 - weight) ** calls for calls, n in self.distribution.items())
        return 1 - spared / sum(self.distribution.values())

    @property
    def _calling(self) -> float:
        """The share of user requests that make calls at all; without a distribution, the most that it can be."""
        if self.distribution is None:
            return min(self.mean, 1.0)
        return 1 - self.distribution.get(0, 0) / sum(self.distribution.values())

    def weight(self, share: float) -> float:
        """The largest weight, 0 to 1, that touches at most this share of user requests."""
        if self.touched(1.0) <= share:
            return 1.0
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.touched(middle) <= share else (low, middle)
        return low

    def percent(self, share: float) -> Decimal:
        """That weight as one that can be set: in tenths of a percent, rounded down. 0: not even 0.1 % is so little."""
        tenths = (Decimal(self.weight(share)) * 100).quantize(_TENTH, rounding=ROUND_DOWN)
        following = tenths + _TENTH  # a weight that touches exactly the share is not lost to halving
        return following if following <= 100 and self.touched(float(following) / 100) <= share else tenths


def measured(distribution: Mapping[int, int]) -> FanOut:
    """From traces: calls → user requests that made so many, those without any among them."""
    requests = sum(distribution.values())
    return FanOut(sum(calls * n for calls, n in distribution.items()) / requests, distribution)


def counted(calls: int, user_requests: int) -> FanOut:
    """From counters alone."""
    return FanOut(calls / user_requests)


def told(seen: Mapping[str, Any]) -> FanOut | None:
    """What the view `blast` answered; None when no user request came lately."""
    if not seen["user_requests"]:
        return None
    distribution = (seen.get("fan_out") or {}).get("distribution")
    if distribution:
        return measured({int(calls): count for calls, count in distribution.items()})
    return counted(seen["calls"], seen["user_requests"])
