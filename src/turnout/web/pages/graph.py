"""`/`: who calls whom, live."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from turnout.error import TurnoutError
from turnout.web.choice import choice, offered
from turnout.web.details import Details, Known, errors
from turnout.web.drawing import draw, name
from turnout.web.figure import UNKNOWN, milliseconds, per_second
from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.picture import Picture
from turnout.web.structure import REMEMBERED_SECONDS, Graph, Structure
from turnout.web.table import Row, Table
from turnout.web.visit import Visit

WINDOWS = {"10": "10 s", "60": "1 m", "300": "5 m", "900": "15 m"}
EVERY_SECONDS = {"10": 1.0, "60": 1.0, "300": 2.0, "900": 5.0}
LEARN_SECONDS = 30.0
REMEMBERED = str(REMEMBERED_SECONDS)


def build(visit: Visit) -> None:
    """The picture, what is chosen in it, and all of it as tables."""
    _GraphPage(visit)


class _GraphPage:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._structure = Structure()
        self._latest: Graph | None = None
        self._picked = visit.query.get("at", "")
        self._leave: Callable[[], None] = lambda: None
        seconds = offered(visit.query.get("seconds"), WINDOWS, "60")
        with tag("div", classes="toolbar"):
            tag("h1", "Service graph")
            choice("Window", WINDOWS, seconds, self._look)
        with tag("div", classes="graph-and-details"):
            with tag("section", classes="card graph-card", aria_label="Graph"):
                self._waiting = tag("p", "Waiting for the first figures…", classes="muted empty")
                self._picture = Picture(draw([], []), self._picked, self._pick)
            self._details = Details(lambda: self._pick(""))
        with tag("details", classes="card as-tables"):
            tag("summary", "The same as tables")
            columns = ("From", "To", "What", "#Rate", "#Errors", "#p50", "#p99", "#Per request")
            self._calls = Table("Calls", columns, "no calls within this window")
            self._workloads = Table("Workloads", ("Workload", "#Rate", "#Errors", "#Pods", "#Ready"), "no workloads")
        visit.watch("graph", self._learn, every_seconds=LEARN_SECONDS, fail=self._not_learned, seconds=REMEMBERED)
        self._look(seconds)

    # --- what comes in

    def _look(self, seconds: str) -> None:
        """From now on at this window."""
        self._leave()
        self._visit.remember(seconds="" if seconds == "60" else seconds)
        self._leave = self._visit.watch("graph", self._show, every_seconds=EVERY_SECONDS[seconds], seconds=seconds)

    def _learn(self, graph: Graph) -> None:
        self._structure.learn(graph)
        self._draw()

    def _not_learned(self, error: TurnoutError) -> None:
        """Then the picture shows what there is now, and moves more."""
        self._structure.learned = True
        self._draw()

    def _show(self, graph: Graph) -> None:
        self._latest = graph
        self._draw()

    def _pick(self, what: str) -> None:
        self._picked = "" if what == self._picked else what
        self._visit.remember(at=self._picked)
        self._picture.choose(self._picked)
        self._draw()

    # --- what is shown

    def _draw(self) -> None:
        if self._latest is None or not self._structure.learned:
            return
        nodes, edges = self._structure.whole(self._latest)
        self._waiting.set(hidden=bool(nodes))
        self._waiting.say("Nothing runs.")
        self._picture.show(draw(nodes.values(), edges.values()))
        self._details.show(self._picked, nodes, edges)
        self._calls.show(_calls(nodes, edges))
        self._workloads.show(_workloads(nodes))


def _calls(nodes: Known, edges: Known) -> Iterator[Row]:
    for edge in edges.values():
        fan_out = edge["fan_out"]
        yield (
            name(nodes[edge["source"]]),
            name(nodes[edge["target"]]),
            "copies" if edge["mirrored"] else "requests",
            per_second(edge["rate"]),
            errors(edge),
            milliseconds(edge["p50_ms"]),
            milliseconds(edge["p99_ms"]),
            UNKNOWN if fan_out is None else f"{fan_out:.2f}",
        )


def _workloads(nodes: Known) -> Iterator[Row]:
    for node in nodes.values():
        pods, ready = (str(node[key]) if node["kind"] == "workload" else UNKNOWN for key in ("pods", "ready"))
        yield name(node), per_second(node["rate"]), errors({**node, "requests": 1}), pods, ready


PAGE = Page("/", "Graph", build)
