"""Everything counted during a run. Bounded: its size depends neither on the run's length nor on the answers."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from turnout.load.histogram import Histogram

MOST_VERSIONS = 64
OTHER_VERSIONS = b"(other)"
LATE_SECONDS = 0.01


class Failure(StrEnum):
    """Why a request had no answer."""

    REFUSED = "connect refused"
    UNREACHABLE = "connect failed"
    TLS = "TLS failed"
    RESET = "reset"
    CLOSED = "closed early"
    TIMEOUT = "timeout"
    BAD_RESPONSE = "bad response"


def failed(status: int) -> bool:
    """The rule of siege: a status of 400 and above is a failed transaction."""
    return status >= 400


class Tally:
    """The answers of one version."""

    __slots__ = ("codes", "latency")

    def __init__(self) -> None:
        self.latency = Histogram()
        self.codes: dict[int, int] = {}

    @property
    def failed(self) -> int:
        """How many of them count as failed."""
        return sum(count for status, count in self.codes.items() if failed(status))


class Ledger:
    """started = finished + unfinished, and finished = answered + those with a transport error."""

    def __init__(self) -> None:
        self.started = 0
        self.late = 0
        self.finished = 0
        self.finished_in_window: int | None = None
        self.retried = 0
        self.connections = 0
        self.received_bytes = 0
        self.error_seconds = 0.0
        self.versions: dict[bytes | None, Tally] = {}
        self.errors: Counter[Failure] = Counter()

    def start(self, late_seconds: float) -> None:
        """A request is started now; in the open loop perhaps later than it was due."""
        self.started += 1
        if late_seconds > LATE_SECONDS:
            self.late += 1

    def answer(self, status: int, version: bytes | None, seconds: float, received_bytes: int) -> None:
        """A complete answer, whatever its status."""
        self.finished += 1
        self.received_bytes += received_bytes
        tally = self.versions.get(version)
        if tally is None:
            tally = self._tally(version)
        tally.latency.add(seconds)
        tally.codes[status] = tally.codes.get(status, 0) + 1

    def error(self, kind: Failure, seconds: float, received_bytes: int) -> None:
        """No complete answer."""
        self.finished += 1
        self.received_bytes += received_bytes
        self.error_seconds += seconds
        self.errors[kind] += 1

    def end_window(self) -> None:
        """No request starts from now on."""
        self.finished_in_window = self.finished

    def failed(self) -> int:
        """Failed answers and transport errors."""
        return self.errors.total() + sum(tally.failed for tally in self.versions.values())

    def latency(self) -> Histogram:
        """That of all answers."""
        merged = Histogram()
        for tally in self.versions.values():
            merged.merge(tally.latency)
        return merged

    def _tally(self, version: bytes | None) -> Tally:
        # A server that invents a version per answer must not fill the memory.
        key = version if len(self.versions) < MOST_VERSIONS else OTHER_VERSIONS
        return self.versions.setdefault(key, Tally())
