"""`/service/<namespace>/<name>`: one service's versions over time, and what changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from nicegui import ui

from turnout.web.chart import Chart, Scale, colour_of
from turnout.web.choice import choice, offered
from turnout.web.comparison import Comparison
from turnout.web.figure import UNKNOWN, milliseconds, per_second, share
from turnout.web.history import Answer, History, history
from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.pages.services import weights
from turnout.web.table import Cell, Row, Table
from turnout.web.visit import Visit

WINDOWS = {"60": "1 m", "300": "5 m", "900": "15 m", "3600": "1 h", "21600": "6 h"}
STEPS = {"60": "1", "300": "2", "900": "5", "3600": "20", "21600": "120"}
EVERY_SECONDS = {"60": 1.0, "300": 2.0, "900": 5.0, "3600": 10.0, "21600": 30.0}

_RATE = Scale("(value) => `${+value.toFixed(value < 10 ? 2 : 0)}/s`")
_SUCCESS = Scale(
    "(value) => `${+value.toFixed(2)} %`",
    factor=100.0,
    floor="(range) => Math.max(0, Math.min(90, Math.floor(range.min / 10) * 10))",
    top=100.0,
)
_LATENCY = Scale(
    "(value) => value < 1000 ? `${+value.toFixed(value < 10 ? 1 : 0)} ms` : `${+(value / 1000).toFixed(1)} s`"
)
_SERIES = (
    ("Requests", "rate", _RATE),
    ("Success", "success_share", _SUCCESS),
    ("Latency p50", "p50_ms", _LATENCY),
    ("Latency p90", "p90_ms", _LATENCY),
    ("Latency p99", "p99_ms", _LATENCY),
)


def build(visit: Visit) -> None:
    """Rates, success and latencies of each version."""
    _ServicePage(visit)


class _ServicePage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._namespace, self._name = visit.path["namespace"], visit.path["name"]
        ui.page_title(f"{self._name} · Turnout")
        self._seconds = offered(visit.query.get("seconds"), WINDOWS, "900")
        self._history: History | None = None
        self._legend_shown: list[tuple[str, str, bool]] = []
        self._leave: Callable[[], None] = lambda: None
        self._head()
        with tag("section", classes="card", aria_label="Versions"):
            columns = ("Version", "Subset", "Weight", "Pods", "#Rate", "#Success", "#p50", "#p90", "#p99", "#Copies")
            self._versions = Table("Versions, over the last ten seconds", columns, "there is no such service")
        self._charts = self._draw_charts()
        self._comparison = Comparison(visit, (self._namespace, self._name), self._draw)
        with tag("section", classes="card"):
            tag("h2", "What changed")
            self._marks = Table("What changed", ("When", "What", "Change"), "nothing within this window")
        visit.watch("status", self._show_status, every_seconds=2.0)
        self._look(self._seconds)

    def _head(self) -> None:
        with tag("div", classes="toolbar"):
            tag("h1", self._name)
            if self._namespace != "default":
                tag("span", self._namespace, classes="muted")
            choice("Window", WINDOWS, self._seconds, self._look)

    def _draw_charts(self) -> list[Chart]:
        self._legend = tag("ul", classes="legend", aria_label="Versions in the charts")
        charts = []
        with tag("div", classes="charts"):
            for heading, figure, scale in _SERIES:
                with tag("section", classes="card"):
                    tag("h2", heading)
                    charts.append(Chart(f"{heading} of each version, over time", figure, scale))
        return charts

    # --- what comes in

    def _look(self, seconds: str) -> None:
        self._leave()
        self._seconds = seconds
        self._visit.remember(seconds="" if seconds == "900" else seconds)
        self._leave = self._visit.watch(
            "series",
            self._show,
            every_seconds=EVERY_SECONDS[seconds],
            service=self._name,
            namespace=self._namespace,
            seconds=seconds,
            step=STEPS[seconds],
        )
        self._comparison.look(seconds)

    def _show_status(self, status: Mapping[str, Any]) -> None:
        self._versions.show(_versions(status, self._namespace, self._name))

    def _show(self, answer: Answer) -> None:
        self._history = history(answer, float(self._seconds))
        self._draw()
        self._marks.show(_marks(self._history))

    def _draw(self) -> None:
        if self._history is None:
            return
        faded = self._comparison.faded(self._history)
        for chart in self._charts:
            chart.show(self._history, faded)
        self._show_legend(self._history)

    def _show_legend(self, shown: History) -> None:
        wanted = [(strand.called, colour_of(strand), strand.copies) for strand in shown.strands]
        if wanted == self._legend_shown:
            return
        self._legend_shown = wanted
        self._legend.clear()
        with self._legend:
            for called, colour, copies in wanted:
                with tag("li"):
                    style = "dashed" if copies else ""
                    tag("i", classes=f"sample {style}", aria_hidden="true").style(f"--edge: {colour}")
                    tag("span", called)


def _versions(status: Mapping[str, Any], namespace: str, name: str) -> Iterator[Row]:
    for service in status["services"]:
        if (service["namespace"], service["name"]) != (namespace, name):
            continue
        for version in service["versions"]:
            healthy = version["ready"] and version["ready"] == version["pods"]
            yield (
                version["revision"] or version["subset"] or UNKNOWN,
                version["subset"] or UNKNOWN,
                weights(service, version["subset"]),
                Cell(f"{version['ready']} of {version['pods']} ready", "" if healthy else "bad"),
                per_second(version["rate"]),
                Cell(share(1 - version["error_share"]), "bad" if version["error_share"] else "")
                if version["rate"]
                else Cell(UNKNOWN, "muted"),
                milliseconds(version["p50_ms"]),
                milliseconds(version.get("p90_ms")),
                milliseconds(version["p99_ms"]),
                per_second(version["copy_rate"]) if version.get("copy_rate") else UNKNOWN,
            )


def _marks(shown: History) -> Iterator[Row]:
    """The latest first."""
    for mark in sorted(shown.marks, key=lambda mark: -float(mark["at"])):
        yield clock(mark["at"]), mark["what"], mark["text"]


def clock(at: float) -> str:
    """In the time zone of this machine, which is the browser's too."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S")


PAGE = Page("/service/{namespace}/{name}", "", build, parent="/services")
