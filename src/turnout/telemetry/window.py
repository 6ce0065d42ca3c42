"""The last minutes of Envoy's counters, and what happened between two moments of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from turnout.telemetry.stats import Bucket, Series, Snapshot, quantile


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
    """Snapshots of the last `seconds`, and totals since Turnout first looked. Envoy's counters restart with Envoy."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._snapshots: deque[Snapshot] = deque(maxlen=600)
        self._base: dict[Series, int] = {}

    def add(self, snapshot: Snapshot) -> None:
        if self._snapshots and _restarted(self._snapshots[-1], snapshot):
            for series, count in self._snapshots[-1].requests.items():
                self._base[series] = self._base.get(series, 0) + count
            self._snapshots.clear()
        self._snapshots.append(snapshot)
        while len(self._snapshots) > 2 and snapshot.at - self._snapshots[1].at >= self._seconds:
            self._snapshots.popleft()

    @property
    def latest(self) -> Snapshot:
        return self._snapshots[-1] if self._snapshots else Snapshot(0.0)

    def totals(self) -> dict[Series, int]:
        """Requests per series, also across restarts of Envoy."""
        counts = dict(self._base)
        for series, count in self.latest.requests.items():
            counts[series] = counts.get(series, 0) + count
        return counts

    def traffic(self, seconds: float) -> dict[Series, Traffic]:
        """What each series did within (about) the last seconds."""
        if len(self._snapshots) < 2:
            return {}
        last = self._snapshots[-1]
        first = next(s for s in self._snapshots if last.at - s.at <= seconds or s is last)
        if first is last:
            first = self._snapshots[-2]
        return {series: between(first, last, series) for series in last.requests}


def _restarted(before: Snapshot, after: Snapshot) -> bool:
    return any(after.requests.get(series, 0) < count for series, count in before.requests.items())


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
