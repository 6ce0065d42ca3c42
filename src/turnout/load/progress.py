"""How far a run is, once a second."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.load.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts since the start; the rate is that since the last look."""

    elapsed_seconds: float
    finished: int
    failed: int
    in_flight: int
    rate_per_second: float
    p50_seconds: float | None
    p99_seconds: float | None

    def line(self) -> str:
        """One line for the terminal."""
        parts = [
            f"{self.elapsed_seconds:.0f} s",
            f"{self.finished:,} finished",
            f"{self.failed:,} failed",
            f"{self.rate_per_second:,.1f}/s",
            f"{self.in_flight} in flight",
        ]
        if self.p50_seconds is not None and self.p99_seconds is not None:
            parts.append(f"p50 {self.p50_seconds * 1e3:.1f} ms  p99 {self.p99_seconds * 1e3:.1f} ms")
        return "  ".join(parts)


class Lookout:
    """Makes progress out of the ledger, look by look."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._then_seconds = 0.0
        self._then_finished = 0

    def look(self, now: float) -> Progress:
        """`now` in seconds since the run began."""
        ledger = self._ledger
        passed = max(now - self._then_seconds, 1e-9)
        rate = (ledger.finished - self._then_finished) / passed
        self._then_seconds, self._then_finished = now, ledger.finished
        latency = ledger.latency()
        return Progress(
            elapsed_seconds=now,
            finished=ledger.finished,
            failed=ledger.failed(),
            in_flight=ledger.started - ledger.finished,
            rate_per_second=rate,
            p50_seconds=latency.percentile(50),
            p99_seconds=latency.percentile(99),
        )
