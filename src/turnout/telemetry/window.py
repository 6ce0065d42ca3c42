"""The last minutes of Envoy's counters, and what happened between two moments of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Generic, TypeVar

from turnout.telemetry.stats import Bucket, Series, Snapshot, quantile

SPACING_SECONDS = 0.5
"""Looks that follow each other closer take each other's place: however often one looks, the window stays as wide."""
MOST_FORMER = 10_000
"""Series that Envoy has forgotten and that are still remembered here."""


@dataclass(slots=True)
class Traffic:
    """Requests of one kind within some seconds."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    durations: dict[Bucket, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0

    def milliseconds(self, share: float) -> float | None:
        """A latency quantile."""
        found = quantile(self.durations, share)
        return None if found is None else found / 1000

    def add(self, other: Traffic) -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.seconds = max(self.seconds, other.seconds)
        for bucket, count in other.durations.items():
            self.durations[bucket] = self.durations.get(bucket, 0) + count


class Window:
    """Snapshots of the last `seconds`, and totals since Turnout first looked.

    Envoy's counters begin anew with Envoy, and some with a listener or a cluster that is taken away and comes back.
    The window's never do: what was counted up to the last look stays in.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._snapshots: deque[Snapshot] = deque(maxlen=600)
        self._requests: _Sums[Series, str] = _Sums()
        self._durations: _Sums[Series, Bucket] = _Sums()
        self._clusters: _Sums[str, str] = _Sums()
        self._epoch = ""

    def add(self, snapshot: Snapshot, epoch: str = "") -> None:
        """`epoch`: which Envoy was asked; with another one everything counts from 0."""
        anew, self._epoch = epoch != self._epoch, epoch
        if len(self._snapshots) > 1 and self._snapshots[-1].at - self._snapshots[-2].at < SPACING_SECONDS:
            self._snapshots.pop()
        requests = self._requests.grown({series: {"": count} for series, count in snapshot.requests.items()}, anew)
        self._snapshots.append(
            Snapshot(
                snapshot.at,
                {series: counts[""] for series, counts in requests.items()},
                self._durations.grown(snapshot.durations, anew),
                self._clusters.grown(snapshot.clusters, anew),
            )
        )
        while len(self._snapshots) > 2 and snapshot.at - self._snapshots[1].at >= self._seconds:
            self._snapshots.popleft()

    @property
    def latest(self) -> Snapshot:
        return self._snapshots[-1] if self._snapshots else Snapshot(-inf)

    def totals(self) -> Mapping[Series, int]:
        """Requests per series."""
        return self.latest.requests

    def traffic(self, seconds: float) -> dict[Series, Traffic]:
        """What each series did within (about) the last seconds."""
        if len(self._snapshots) < 2:
            return {}
        last = self._snapshots[-1]
        first = next(s for s in self._snapshots if last.at - s.at <= seconds or s is last)
        if first is last:
            first = self._snapshots[-2]
        return {series: between(first, last, series) for series in last.requests}


K = TypeVar("K", bound=Hashable)
N = TypeVar("N", bound=Hashable)
Counts = Mapping[K, Mapping[N, int]]


class _Sums(Generic[K, N]):
    """Groups of counters that only grow, made of groups that fall back to 0 now and then."""

    def __init__(self) -> None:
        self._base: dict[K, Mapping[N, int]] = {}
        self._before: Counts[K, N] = {}

    def grown(self, now: Counts[K, N], anew: bool) -> Counts[K, N]:
        for key, counts in self._before.items():
            if anew or _fell(counts, now.get(key, {})):
                self._base[key] = _sum(self._base.pop(key, {}), counts)
        while len(self._base) > MOST_FORMER:
            del self._base[next(iter(self._base))]
        self._before = now
        return {**self._base, **{key: _sum(self._base.get(key, {}), counts) for key, counts in now.items()}}


def _fell(before: Mapping[N, int], now: Mapping[N, int]) -> bool:
    return any(now.get(name, 0) < count for name, count in before.items())


def _sum(base: Mapping[N, int], more: Mapping[N, int]) -> Mapping[N, int]:
    return {name: base.get(name, 0) + more.get(name, 0) for name in {**base, **more}} if base else more


def between(first: Snapshot, last: Snapshot, series: Series) -> Traffic:
    """One series from one moment to a later one."""
    requests = last.requests.get(series, 0) - first.requests.get(series, 0)
    earlier = first.durations.get(series, {})
    durations = {b: n - earlier.get(b, 0) for b, n in last.durations.get(series, {}).items()}
    return Traffic(
        requests=requests,
        errors=requests if series.failed else 0,
        seconds=last.at - first.at,
        durations={bucket: count for bucket, count in durations.items() if count > 0},
    )


def summed(traffic: Mapping[Series, Traffic], series: Iterable[Series]) -> Traffic:
    """Several series together."""
    total = Traffic()
    for one in series:
        if one in traffic:
            total.add(traffic[one])
    return total
