"""What one step of the story came to, as a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GATEWAY = "istio-ingressgateway"
_WIDTHS = (26, 7, 8, 7, 8, 8, 8, 10, 11)
_TITLES = ("step", "clients", "requests", "rate/s", "mean", "p50", "p99", "errors", "green share")


@dataclass(frozen=True, slots=True)
class Calls:
    """How often Envoy has been asked so far: by users through the Gateway, and by the application for numbers."""

    users: int
    numbers: int
    green_numbers: int

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> Calls:
        """From `turnout status --json`."""
        hops = [hop for hop in status["hops"] if not hop["mirrored"]]
        inner = [hop for hop in hops if hop["source"] != GATEWAY]
        return cls(
            users=sum(hop["requests"] for hop in hops if hop["source"] == GATEWAY),
            numbers=sum(hop["requests"] for hop in inner),
            green_numbers=sum(hop["requests"] for hop in inner if hop["subset"] == "green"),
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One step. Times are those of users' requests to /, `green_share` is of the calls to /random/number."""

    title: str
    clients: int
    started: int
    finished: int
    failed: int
    rate_per_second: float
    mean_ms: float | None
    p50_ms: float | None
    p99_ms: float | None
    counted_by_envoy: int
    green_share: float | None
    """None: nobody called /random/number."""

    @classmethod
    def of(cls, title: str, clients: int, report: Mapping[str, Any], before: Calls, after: Calls) -> Row:
        """`report` is that of `turnout load --json`; `before` and `after` frame the load.

        The rate is that of clients which are always waiting for an answer: clients / mean time. All requests are
        waited for, however long they take, so a short run does not flatter or harm a slow step; requests / elapsed
        time would harm it, as clients run out of work one by one while the last answers are awaited.
        """
        requests, latency = report["requests"], report["latency_ms"]
        busy_seconds = report["concurrency"] * report["elapsed_seconds"]
        numbers = after.numbers - before.numbers
        return cls(
            title=title,
            clients=clients,
            started=requests["started"],
            finished=requests["finished"],
            failed=requests["failed"],
            rate_per_second=clients * requests["finished"] / busy_seconds if busy_seconds else 0.0,
            mean_ms=latency["mean"],
            p50_ms=latency["p50"],
            p99_ms=latency["p99"],
            counted_by_envoy=after.users - before.users,
            green_share=(after.green_numbers - before.green_numbers) / numbers if numbers else None,
        )

    @property
    def errors(self) -> int:
        """Failed, or never answered."""
        return self.started - self.finished + self.failed

    def line(self) -> str:
        """Under `header()`."""
        share = f" ({percent(self.errors / self.started)})" if self.errors else ""
        return _columns(
            self.title,
            str(self.clients),
            str(self.started),
            f"{self.rate_per_second:.2f}" if self.rate_per_second < 10 else f"{self.rate_per_second:.1f}",
            _time(self.mean_ms),
            _time(self.p50_ms),
            _time(self.p99_ms),
            f"{self.errors}{share}",
            "-" if self.green_share is None else percent(self.green_share, 1),
        )


def header() -> str:
    """The columns' names, and a line below them."""
    return f"{_columns(*_TITLES)}\n{_columns(*('-' * width for width in _WIDTHS))}"


def percent(share: float, digits: int = 0) -> str:
    """0.214 → "21 %"."""
    return f"{100 * share:.{digits}f} %"


def _columns(*cells: str) -> str:
    first, *others = cells
    numbers = (cell.rjust(width) for cell, width in zip(others, _WIDTHS[1:], strict=True))
    return "  ".join((first.ljust(_WIDTHS[0]), *numbers))


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"
