"""What requests of one kind, or of several together, came to within some seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from turnout.telemetry.histogram import Bucket, quantile
from turnout.telemetry.series import Series


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
        durations = self.durations
        for bucket, count in other.durations.items():
            durations[bucket] = durations.get(bucket, 0) + count

    def take_away(self, part: Traffic) -> None:
        """What was added before; the seconds stay."""
        self.requests -= part.requests
        self.errors -= part.errors
        self.request_bytes -= part.request_bytes
        self.response_bytes -= part.response_bytes
        durations = self.durations
        for bucket, count in part.durations.items():
            left = durations[bucket] - count
            if left:
                durations[bucket] = left
            else:
                del durations[bucket]

    def within(self, seconds: float) -> Traffic:
        """The same as what happened in so many seconds, to be kept."""
        return Traffic(
            self.requests, self.errors, seconds, dict(self.durations), self.request_bytes, self.response_bytes
        )


def summed(traffic: Mapping[Series, Traffic], series: Iterable[Series]) -> Traffic:
    """Several series together."""
    together = Traffic()
    for one in series:
        if one in traffic:
            together.add(traffic[one])
    return together
