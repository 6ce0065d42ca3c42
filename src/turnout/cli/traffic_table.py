"""The table of `turnout top`: a row for each version of each service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.board import number, weights

_SPARE = ("WEIGHT", "RETRIES", "COPIES/S")
"""Columns that are left out while nobody has anything in them: 80 characters are not many."""
_NOTHING = ("-", "0", "0.0")
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
    cells = [_cells(service, version) for service, version in rows]
    shown = [title for title in (cells[0] if cells else ()) if title not in _SPARE or _tells(title, cells)]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("SERVICE", no_wrap=True)
    table.add_column("VERSION", no_wrap=True)
    for title in shown:
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    named = ""
    for (service, version), own in zip(rows, cells, strict=True):
        name = _name(service)
        first = "" if sort == "service" and name == named else name
        table.add_row(first, version["subset"] or version["revision"] or "-", *(own[title] for title in shown))
        named = name
    return Group(Text(_head(status), style="bold"), table)


def _tells(title: str, cells: Sequence[Mapping[str, Text]]) -> bool:
    return any(str(own[title]) not in _NOTHING for own in cells)


def _head(status: Mapping[str, Any]) -> str:
    versions = [version for service in status["services"] for version in service["versions"]]
    rate = sum(version["rate"] for version in versions)
    failing = sum(version["rate"] * version["error_share"] for version in versions)
    problems = sum(problem["severity"] == "error" for problem in status["problems"])
    seconds = (status.get("cluster") or {}).get("window_seconds", 10)
    return f"{rate:.1f} requests/s, {failing:.1f} failing, over the last {seconds:g} s" + (
        f"; {problems} problem{'s' if problems > 1 else ''}: see turnout status" if problems else ""
    )


def _name(service: Mapping[str, Any]) -> str:
    return str(service["name"] if service["namespace"] == "default" else f"{service['name']}.{service['namespace']}")


def _cells(service: Mapping[str, Any], version: Mapping[str, Any]) -> dict[str, Text]:
    """By the column's title."""
    failing, whole = version["error_share"], bool(version["ready"]) and version["ready"] == version["pods"]
    return {
        "WEIGHT": Text(weights(service, version["subset"])),
        "RATE/S": Text(f"{version['rate']:.1f}", style="" if version["rate"] else "dim"),
        "SUCCESS": Text(f"{1 - failing:.2%}" if version["rate"] else "-", style="bold red" if failing else ""),
        "P50 MS": Text(number(version["p50_ms"])),
        "P90 MS": Text(number(version["p90_ms"])),
        "P99 MS": Text(number(version["p99_ms"])),
        "RETRIES": Text(str(version["retries"])),
        "COPIES/S": Text(f"{version['copy_rate']:.1f}", style="" if version["copy_rate"] else "dim"),
        "PODS": Text(f"{version['ready']}/{version['pods']}", style="" if whole else "bold red"),
    }
