"""`/`: who calls whom, live."""

from __future__ import annotations

from typing import Any

from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.table import Table
from turnout.web.visit import Visit


def build(visit: Visit) -> None:
    """Workloads and the calls between them."""
    tag("h1", "Service graph")
    with tag("section", classes="card"):
        table = Table("Workloads", ["Workload", "#Pods"])

    def show(status: Any) -> None:
        table.show([[w["name"], str(len(w["pods"]))] for w in status["workloads"]])

    visit.watch("status", show, every_seconds=2.0)


PAGE = Page("/", "Graph", build)
