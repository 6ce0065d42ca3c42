"""`/service/<namespace>/<name>`: one service's versions over time."""

from __future__ import annotations

from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.visit import Visit


def build(visit: Visit) -> None:
    """Rates, success and latencies of each version."""
    tag("h1", visit.path["name"])


PAGE = Page("/service/{namespace}/{name}", "", build, parent="/services")
