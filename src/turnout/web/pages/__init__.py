"""One module per page, each with a `PAGE`."""

from __future__ import annotations

from importlib import import_module

from turnout.web.page import Page

NAMES = ("graph", "services", "service", "routes", "compare", "rollouts", "traces", "trace", "logs", "problems")
"""In the order of the top bar."""


def pages() -> list[Page]:
    """All pages of the dashboard."""
    found = [import_module(f"turnout.web.pages.{name}").PAGE for name in NAMES]
    assert all(isinstance(page, Page) for page in found)
    return found
