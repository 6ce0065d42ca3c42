"""A report as text: siege's summary, then what siege does not know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from turnout.load.report import Report, VersionRow

_MEGABYTE = 1024 * 1024


def text(report: Report) -> str:
    """Several lines, the last without its newline."""
    blocks = [_siege(report), _percentiles(report), _versions(report.versions), _tallies(report)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _siege(report: Report) -> list[str]:
    megabytes = report.received_bytes / _MEGABYTE
    per_second = megabytes / report.elapsed_seconds if report.elapsed_seconds else 0.0
    latency = report.latency
    return [
        _line("Transactions", f"{report.finished}", "hits"),
        _line("Availability", f"{_percent(report.availability_percent)}", "%"),
        _line("Elapsed time", f"{report.elapsed_seconds:.2f}", "secs"),
        _line("Data transferred", f"{megabytes:.2f}", "MB"),
        _line("Response time", _seconds(latency.mean_seconds), "secs"),
        _line("Transaction rate", f"{report.rate_per_second:.2f}", "trans/sec"),
        _line("Throughput", f"{per_second:.2f}", "MB/sec"),
        _line("Concurrency", f"{report.concurrency:.2f}"),
        _line("Successful transactions", f"{report.successful}"),
        _line("Failed transactions", f"{report.failed}"),
        _line("Longest transaction", _seconds(latency.longest_seconds)),
        _line("Shortest transaction", _seconds(latency.shortest_seconds)),
    ]


def _line(label: str, value: str, unit: str = "") -> str:
    # siege's columns: numbers end in the 36th.
    return f"{label + ':':<24}{value:>12} {unit}".rstrip()


def _percent(percent: float) -> str:
    # One failure in a million must not read as 100 %.
    return f"{percent:.2f}" if percent == 100 or percent < 99.995 else f"{percent:.6f}".rstrip("0")


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"


def _milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1e3:.2f}" if seconds < 0.1 else f"{seconds * 1e3:.0f}"


def _percentiles(report: Report) -> list[str]:
    percentiles = report.latency.percentile_seconds
    header = ["", *(f"p{percent:g}" for percent in percentiles)]
    return _table([header, ["Response time, ms", *(_milliseconds(seconds) for seconds in percentiles.values())]])


def _versions(rows: Sequence[VersionRow]) -> list[str]:
    if not rows:
        return []
    header = ["Version", "requests", "share %", "failed", "p50 ms", "p99 ms"]
    return _table([header, *(_version(row) for row in rows)])


def _version(row: VersionRow) -> list[str]:
    p50, p99 = (row.latency.percentile_seconds[percent] for percent in (50.0, 99.0))
    return [
        row.version,
        str(row.requests),
        f"{row.share_percent:.2f}",
        str(row.failed),
        _milliseconds(p50),
        _milliseconds(p99),
    ]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    first, *rest = widths
    return [
        "  ".join(
            [row[0].ljust(first), *(cell.rjust(max(width, 8)) for cell, width in zip(row[1:], rest, strict=True))]
        )
        for row in rows
    ]


def _tallies(report: Report) -> list[str]:
    notes = [
        (report.unfinished, "unfinished: no answer yet when the run ended"),
        (report.unstarted, "unstarted: due, but no client was free (more clients: -c)"),
        (report.late, "late: started over 10 ms after they were due (the wait is in their response time)"),
        (report.retried, "retried: the server had closed the idle connection"),
    ]
    lines = [_list("Status codes", ((str(code), count) for code, count in report.codes.items()))]
    lines += [_list("Errors", report.errors.items())]
    lines += [f"{count} {note}" for count, note in notes if count]
    return [line for line in lines if line]


def _list(label: str, items: Iterable[tuple[str, int]]) -> str:
    joined = ", ".join(f"{name}: {count}" for name, count in items)
    return f"{label}  {joined}" if joined else ""
