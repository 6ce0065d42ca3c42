"""`/services`: every service and its versions at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from turnout.web.figure import UNKNOWN, milliseconds, per_second, share
from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.table import Cell, Row, Table
from turnout.web.visit import Visit


def build(visit: Visit) -> None:
    """One row per version."""
    with tag("div", classes="toolbar"):
        tag("h1", "Services")
        tag("span", "the last ten seconds", classes="muted")
    with tag("section", classes="card"):
        columns = ("Service", "Version", "Subset", "Weight", "Pods", "#Rate", "#Errors", "#p50", "#p99", "#Copies")
        table = Table("Services and their versions", columns, "no services")
    visit.watch("status", lambda status: table.show(_rows(status)), every_seconds=2.0)


def _rows(status: Mapping[str, Any]) -> Iterator[Row]:
    for service in status["services"]:
        href = f"/service/{service['namespace']}/{service['name']}"
        for at, version in enumerate(service["versions"]):
            healthy = version["ready"] and version["ready"] == version["pods"]
            yield (
                Cell(service["name"], href=href) if at == 0 else Cell(service["name"], "repeated"),
                version["revision"] or version["subset"] or UNKNOWN,
                version["subset"] or UNKNOWN,
                weights(service, version["subset"]),
                Cell(f"{version['ready']} of {version['pods']} ready", "" if healthy else "bad"),
                per_second(version["rate"]),
                failing(version),
                milliseconds(version["p50_ms"]),
                milliseconds(version["p99_ms"]),
                per_second(version["copy_rate"]) if version["copy_rate"] else UNKNOWN,
            )


def failing(version: Mapping[str, Any]) -> Cell:
    """The share of errors; nothing is said of what did not happen."""
    if not version["rate"]:
        return Cell(UNKNOWN, "muted")
    return Cell(share(version["error_share"]), "bad" if version["error_share"] else "")


def weights(service: Mapping[str, Any], subset: str) -> str:
    """A version's share on each route that splits or copies, and whether it gets copies; what agrees is said once."""
    said = [f"{route['weights'][subset]} %" for route in service["routes"] if subset in route["weights"]]
    said += ["copies" for route in service["routes"] if subset in route["mirror"]]
    return " / ".join(dict.fromkeys(said)) or UNKNOWN


PAGE = Page("/services", "Services", build)
