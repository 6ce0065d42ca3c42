"""Sums that only grow, made of counters that fall back to 0 now and then."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

MOST_FORMER = 10_000
"""Groups that are counted no more and are still remembered."""

K = TypeVar("K", bound=Hashable)
N = TypeVar("N", bound=Hashable)
Counts = Mapping[K, Mapping[N, int]]


class Sums(Generic[K, N]):
    """Groups of counters. Envoy's begin anew with Envoy, and some with a listener or a cluster that comes back."""

    def __init__(self) -> None:
        self.totals: dict[K, Mapping[N, int]] = {}
        self._before: Counts[K, N] = {}

    def add(self, now: Counts[K, N], *, anew: bool) -> Counts[K, N]:
        """What each group grew by, if it did. `anew`: all counters began at 0 since the last call."""
        grown = {}
        for key, counts in now.items():
            growth = _growth({} if anew else self._before.get(key, {}), counts)
            if growth:
                # Replaced, not changed: who has taken the old one keeps what he saw.
                self.totals[key] = _sum(self.totals.get(key, {}), growth)
            if any(growth.values()):
                grown[key] = {name: count for name, count in growth.items() if count}
        self._before = now
        self._forget()
        return grown

    def _forget(self) -> None:
        if len(self.totals) > len(self._before) + MOST_FORMER:
            former = [key for key in self.totals if key not in self._before]
            for key in former[: len(self.totals) - len(self._before) - MOST_FORMER]:
                del self.totals[key]


def _growth(before: Mapping[N, int], now: Mapping[N, int]) -> Mapping[N, int]:
    """By name, of those that are not as they were. One counter that fell says that all of the group began anew."""
    if now is before:
        return {}
    growth = {name: count - before.get(name, 0) for name, count in now.items() if before.get(name) != count}
    new = sum(name not in before for name in growth)
    if len(before) + new > len(now) and any(count and name not in now for name, count in before.items()):
        return now
    return now if any(count < 0 for count in growth.values()) else growth


def _sum(base: Mapping[N, int], more: Mapping[N, int]) -> Mapping[N, int]:
    return {**base, **{name: base.get(name, 0) + count for name, count in more.items()}}
