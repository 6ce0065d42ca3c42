"""The last minute of Envoy's counters, and their sums since Turnout first looked."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from turnout.telemetry.histogram import Bucket, total
from turnout.telemetry.series import Series
from turnout.telemetry.stats import Snapshot
from turnout.telemetry.steps import Step, Steps
from turnout.telemetry.sums import Sums
from turnout.telemetry.traffic import Traffic


class Window:
    """What happened within the last `seconds`, look by look.

    Envoy's counters begin anew with Envoy, and some with a listener or a cluster that is taken away and comes back.
    The sums never do: what was counted up to the last look stays in.
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._steps = Steps(seconds)
        self._requests: Sums[Series, str] = Sums()
        self._durations: Sums[Series, Bucket] = Sums()
        self._request_sizes: Sums[Series, Bucket] = Sums()
        self._response_sizes: Sums[Series, Bucket] = Sums()
        self._clusters: Sums[str, str] = Sums()
        self._connections: Sums[Series, str] = Sums()
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
        self._connections.add(snapshot.connections, anew=anew)
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
        self._steps.add(Step(before, snapshot.at, traffic))
        return seconds, traffic

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
            self._connections.totals,
        )

    def totals(self) -> Mapping[Series, int]:
        """Requests per series."""
        return {series: counts[""] for series, counts in self._requests.totals.items()}

    def traffic(self, seconds: float) -> dict[Series, Traffic]:
        """What each series did within (about) the last seconds; what did nothing is not in it."""
        return self._steps.within(seconds)
