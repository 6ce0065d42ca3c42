"""The last minute of Envoy's counters, and their sums since Turnout first looked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from turnout.telemetry.histogram import Bucket, quantile, total
from turnout.telemetry.series import Series
from turnout.telemetry.stats import Snapshot
from turnout.telemetry.sums import Sums

SPACING_SECONDS = 0.5
"""Looks that follow each other closer make one step: however often one looks, the window stays as wide."""


@dataclass(slots=True)
class Traffic:
    """Requests of one kind within some seconds."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    durations: dict[Bucket, int] = field(default_factory=dict)
    """Microseconds."""
    request_bytes: int = 0
    response_bytes: int = 0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0

    def milliseconds(self, share: float) -> float | None:
        """A latency quantile."""
        found = quantile(self.durations, share)
        return None if found is None else found / 1000

    def add(self, other: Traffic) -> None:
        """Of another kind in the same seconds."""
        self.requests += other.requests
        self.errors += other.errors
        self.seconds = max(self.seconds, other.seconds)
        self.request_bytes += other.request_bytes
        self.response_bytes += other.response_bytes
        for bucket, count in other.durations.items():
            self.durations[bucket] = self.durations.get(bucket, 0) + count


@dataclass(slots=True)
class _Step:
    """What happened from one look to a later one."""

    began: float
    ended: float
    traffic: dict[Series, Traffic]


class Window:
    """What happened within the last `seconds`, look by look.

    Envoy's counters begin anew with Envoy, and some with a listener or a cluster that is taken away and comes back.
    The sums never do: what was counted up to the last look stays in.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._steps: deque[_Step] = deque(maxlen=600)
        self._requests: Sums[Series, str] = Sums()
        self._durations: Sums[Series, Bucket] = Sums()
        self._request_sizes: Sums[Series, Bucket] = Sums()
        self._response_sizes: Sums[Series, Bucket] = Sums()
        self._clusters: Sums[str, str] = Sums()
        self._epoch = ""
        self._at = -inf

    def add(self, snapshot: Snapshot, epoch: str = "") -> tuple[float, dict[Series, Traffic]]:
        """The seconds since the last look, and what happened in them; of the first look it is not known: 0 and {}.

        `epoch`: which Envoy was asked; with another one everything counts from 0.
        """
        anew, self._epoch = epoch != self._epoch, epoch
        requests = self._requests.add({series: {"": n} for series, n in snapshot.requests.items()}, anew=anew)
        durations = self._durations.add(snapshot.durations, anew=anew)
        request_sizes = self._request_sizes.add(snapshot.request_sizes, anew=anew)
        response_sizes = self._response_sizes.add(snapshot.response_sizes, anew=anew)
        self._clusters.add(snapshot.clusters, anew=anew)
        before, self._at = self._at, snapshot.at
        if before == -inf:
            return 0.0, {}
        seconds = snapshot.at - before
        # Envoy merges its histograms after it has answered: they tell of requests that the last look counted.
        traffic = {
            series: Traffic(
                requests=(count := requests.get(series, {}).get("", 0)),
                errors=count if series.failed else 0,
                seconds=seconds,
                durations=dict(durations.get(series, {})),
                request_bytes=round(total(request_sizes.get(series, {}))),
                response_bytes=round(total(response_sizes.get(series, {}))),
            )
            for series in {**requests, **durations, **request_sizes, **response_sizes}
        }
        self._append(_Step(before, snapshot.at, traffic))
        return seconds, traffic

    def _append(self, step: _Step) -> None:
        last = self._steps[-1] if self._steps else None
        if last is not None and last.ended - last.began < SPACING_SECONDS:
            self._steps[-1] = _Step(last.began, step.ended, dict(_together([last, step])))
        else:
            self._steps.append(step)
        while len(self._steps) > 1 and step.ended - self._steps[1].began >= self._seconds:
            self._steps.popleft()

    @property
    def latest(self) -> Snapshot:
        """All sums, never falling."""
        return Snapshot(
            self._at,
            self.totals(),
            self._durations.totals,
            self._request_sizes.totals,
            self._response_sizes.totals,
            self._clusters.totals,
        )

    def totals(self) -> Mapping[Series, int]:
        """Requests per series."""
        return {series: counts[""] for series, counts in self._requests.totals.items()}

    def traffic(self, seconds: float) -> dict[Series, Traffic]:
        """What each series did within (about) the last seconds; what did nothing is not in it."""
        if not self._steps:
            return {}
        last = self._steps[-1]
        within = [step for step in self._steps if last.ended - step.began <= seconds] or [last]
        found = _together(within)
        for traffic in found.values():
            traffic.seconds = last.ended - within[0].began
        return found


def _together(steps: Iterable[_Step]) -> dict[Series, Traffic]:
    """One step after the other."""
    found: dict[Series, Traffic] = {}
    for step in steps:
        for series, traffic in step.traffic.items():
            before = found.setdefault(series, Traffic())
            seconds = before.seconds + traffic.seconds
            before.add(traffic)
            before.seconds = seconds
    return found


def summed(traffic: Mapping[Series, Traffic], series: Iterable[Series]) -> Traffic:
    """Several series together."""
    together = Traffic()
    for one in series:
        if one in traffic:
            together.add(traffic[one])
    return together
