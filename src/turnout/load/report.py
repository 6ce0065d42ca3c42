"""What came of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnout.load.histogram import Histogram
from turnout.load.ledger import Ledger, Tally

PERCENTS = (50.0, 90.0, 99.0, 99.9)
NO_VERSION = "(unnamed)"
"""Answers without the version header."""
LONGEST_VERSION = 80


@dataclass(frozen=True, slots=True)
class Latency:
    """Of complete answers, whatever their status; requests without one are in the errors. None: no answer at all."""

    mean_seconds: float | None
    shortest_seconds: float | None
    longest_seconds: float | None
    percentile_seconds: Mapping[float, float | None]

    @classmethod
    def of(cls, histogram: Histogram) -> Latency:
        """The percentiles of `PERCENTS`."""
        some = histogram.count > 0
        return cls(
            mean_seconds=histogram.mean_seconds,
            shortest_seconds=histogram.shortest_seconds if some else None,
            longest_seconds=histogram.longest_seconds if some else None,
            percentile_seconds={percent: histogram.percentile(percent) for percent in PERCENTS},
        )

    def to_json(self) -> dict[str, float | None]:
        """In milliseconds."""
        values = {
            "mean": self.mean_seconds,
            "shortest": self.shortest_seconds,
            "longest": self.longest_seconds,
            **{f"p{percent:g}": seconds for percent, seconds in self.percentile_seconds.items()},
        }
        return {name: None if seconds is None else round(seconds * 1e3, 4) for name, seconds in values.items()}


@dataclass(frozen=True, slots=True)
class VersionRow:
    """The answers of one version. `share_percent` is of all answers."""

    version: str
    requests: int
    share_percent: float
    failed: int
    codes: Mapping[int, int]
    latency: Latency

    def to_json(self) -> dict[str, Any]:
        """As in `turnout load --json`."""
        return {
            "version": self.version,
            "requests": self.requests,
            "share_percent": round(self.share_percent, 4),
            "failed": self.failed,
            "codes": {str(code): count for code, count in self.codes.items()},
            "latency_ms": self.latency.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """started = finished + unfinished; finished = successful + failed = all versions' requests + all errors.

    Failed are transport errors and, as with siege, answers of status 400 and above.
    `window_seconds` is the time in which requests were started; `elapsed_seconds` lasts until the last was finished or
    given up. `finished_in_window` / `window_seconds` is thus the rate under full load.
    `unstarted`: due in the open loop, but no client was free until the end. `late`: started over 10 ms late.
    """

    url: str
    elapsed_seconds: float
    window_seconds: float
    started: int
    finished: int
    finished_in_window: int
    failed: int
    unfinished: int
    unstarted: int
    late: int
    retried: int
    connections: int
    received_bytes: int
    busy_seconds: float
    interrupted: bool
    latency: Latency
    versions: tuple[VersionRow, ...]
    codes: Mapping[int, int]
    errors: Mapping[str, int]

    @classmethod
    def of(
        cls,
        ledger: Ledger,
        *,
        url: str,
        elapsed_seconds: float,
        window_seconds: float,
        unstarted: int,
        interrupted: bool,
    ) -> Report:
        """Sum up."""
        latency = ledger.latency()
        in_window = ledger.finished if ledger.finished_in_window is None else ledger.finished_in_window
        return cls(
            url=url,
            elapsed_seconds=elapsed_seconds,
            window_seconds=window_seconds,
            started=ledger.started,
            finished=ledger.finished,
            finished_in_window=in_window,
            failed=ledger.failed(),
            unfinished=ledger.started - ledger.finished,
            unstarted=unstarted,
            late=ledger.late,
            retried=ledger.retried,
            connections=ledger.connections,
            received_bytes=ledger.received_bytes,
            busy_seconds=latency.total_seconds + ledger.error_seconds,
            interrupted=interrupted,
            latency=Latency.of(latency),
            versions=_rows(ledger, latency.count),
            codes=_codes(ledger),
            errors={kind.value: count for kind, count in sorted(ledger.errors.items())},
        )

    @property
    def successful(self) -> int:
        """Answers of a status below 400."""
        return self.finished - self.failed

    @property
    def availability_percent(self) -> float:
        """Successful of finished requests; 0 when none was finished."""
        return 100 * self.successful / self.finished if self.finished else 0.0

    @property
    def rate_per_second(self) -> float:
        """Finished requests, over the whole elapsed time, as siege has it."""
        return _per_second(self.finished, self.elapsed_seconds)

    @property
    def window_rate_per_second(self) -> float:
        """Finished requests while load was on, without the time that the last ones took after it."""
        return _per_second(self.finished_in_window, self.window_seconds)

    @property
    def concurrency(self) -> float:
        """Requests in flight, on average."""
        return _per_second(self.busy_seconds, self.elapsed_seconds)

    @property
    def passed(self) -> bool:
        """Every request was answered, and none failed. Those in flight when the user interrupts count for nothing."""
        return self.finished > 0 and not self.failed and (self.interrupted or not self.unfinished)

    def to_json(self) -> dict[str, Any]:
        """As in `turnout load --json`."""
        return {
            "url": self.url,
            "elapsed_seconds": round(self.elapsed_seconds, 4),
            "window_seconds": round(self.window_seconds, 4),
            "requests": {
                "started": self.started,
                "finished": self.finished,
                "finished_in_window": self.finished_in_window,
                "successful": self.successful,
                "failed": self.failed,
                "unfinished": self.unfinished,
                "unstarted": self.unstarted,
                "late": self.late,
                "retried": self.retried,
            },
            "interrupted": self.interrupted,
            "availability_percent": round(self.availability_percent, 4),
            "rate_per_second": round(self.rate_per_second, 4),
            "window_rate_per_second": round(self.window_rate_per_second, 4),
            "concurrency": round(self.concurrency, 4),
            "connections": self.connections,
            "received_bytes": self.received_bytes,
            "latency_ms": self.latency.to_json(),
            "versions": [row.to_json() for row in self.versions],
            "codes": {str(code): count for code, count in self.codes.items()},
            "errors": dict(self.errors),
        }


def _per_second(amount: float, seconds: float) -> float:
    return amount / seconds if seconds > 0 else 0.0


def _rows(ledger: Ledger, answers: int) -> tuple[VersionRow, ...]:
    tallies = sorted(ledger.versions.items(), key=lambda item: (item[0] is None, item[0] or b""))
    return tuple(_row(version, tally, answers) for version, tally in tallies)


def _row(version: bytes | None, tally: Tally, answers: int) -> VersionRow:
    return VersionRow(
        version=_name(version),
        requests=tally.latency.count,
        share_percent=100 * tally.latency.count / answers,
        failed=tally.failed,
        codes=dict(sorted(tally.codes.items())),
        latency=Latency.of(tally.latency),
    )


def _name(version: bytes | None) -> str:
    if not version:
        return NO_VERSION
    # It is printed: a server must not be able to send escape sequences to the terminal.
    return "".join(c if c.isprintable() else "?" for c in version.decode("latin-1"))[:LONGEST_VERSION]


def _codes(ledger: Ledger) -> dict[int, int]:
    total: dict[int, int] = {}
    for tally in ledger.versions.values():
        for code, count in tally.codes.items():
            total[code] = total.get(code, 0) + count
    return dict(sorted(total.items()))
