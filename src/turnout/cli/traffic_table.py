"""The table of `turnout top`: a row for each version of each service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.board import number, weights

_COLUMNS = ("WEIGHT", "RATE/S", "SUCCESS", "P50 MS", "P90 MS", "P99 MS", "RETRIES", "COPIES/S", "PODS")
_KEYS = {
    "rate": "rate",
    "errors": "error_share",
    "p50": "p50_ms",
    "p90": "p90_ms",
    "p99": "p99_ms",
    "retries": "retries",
    "copies": "copy_rate",
}


def traffic_table(status: Mapping[str, Any], sort: str = "service") -> RenderableType:
    """From the JSON of `turnout status`. By `service`: as they are called; else the largest figure first."""
    rows = [(service, version) for service in status["services"] for version in service["versions"]]
    if sort in _KEYS:
        rows.sort(key=lambda row: row[1][_KEYS[sort]] or 0, reverse=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for at, column in enumerate(("SERVICE", "VERSION", *_COLUMNS)):
        table.add_column(column, justify="left" if at < 2 else "right", no_wrap=True)
    named = ""
    for service, version in rows:
        name = _name(service)
        table.add_row("" if sort == "service" and name == named else name, *_cells(service, version))
        named = name
    return Group(Text(_head(status), style="bold"), table)


def _head(status: Mapping[str, Any]) -> str:
    versions = [version for service in status["services"] for version in service["versions"]]
    rate = sum(version["rate"] for version in versions)
    failing = sum(version["rate"] * version["error_share"] for version in versions)
    problems = sum(problem["severity"] == "error" for problem in status["problems"])
    return f"{rate:.1f} requests/s, {failing:.1f} failing, over the last 10 s" + (
        f"; {problems} problem{'s' if problems > 1 else ''}: see turnout status" if problems else ""
    )


def _name(service: Mapping[str, Any]) -> str:
    return str(service["name"] if service["namespace"] == "default" else f"{service['name']}.{service['namespace']}")


def _cells(service: Mapping[str, Any], version: Mapping[str, Any]) -> Iterator[Text]:
    yield Text(version["subset"] or version["revision"] or "-")
    yield Text(weights(service, version["subset"]))
    yield Text(f"{version['rate']:.1f}", style="" if version["rate"] else "dim")
    failing = version["error_share"]
    yield Text(f"{1 - failing:.2%}" if version["rate"] else "-", style="bold red" if failing else "")
    yield from (Text(number(version[key])) for key in ("p50_ms", "p90_ms", "p99_ms"))
    yield Text(str(version["retries"]))
    yield Text(f"{version['copy_rate']:.1f}", style="" if version["copy_rate"] else "dim")
    whole = bool(version["ready"]) and version["ready"] == version["pods"]
    yield Text(f"{version['ready']}/{version['pods']}", style="" if whole else "bold red")
