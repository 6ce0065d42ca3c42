"""Two versions of a service side by side, over the whole window."""

from __future__ import annotations

from collections.abc import Callable

from turnout.web.contrast import Totals, rows, together
from turnout.web.field import Select
from turnout.web.history import Answer, History, called, key
from turnout.web.markup import tag
from turnout.web.table import Table
from turnout.web.visit import Visit

WHOLE_SECONDS = 7 * 24 * 3600
"""A step so long that the window is one: its quantiles are those of all its requests."""
EVERY_SECONDS = 5.0


class Comparison:
    """Of the service (namespace, name). `changed` is called when other versions are chosen."""

    def __init__(self, visit: Visit, service: tuple[str, str], changed: Callable[[], None]) -> None:
        self._visit = visit
        self._service = service
        self._changed = changed
        self._totals: dict[str, Totals | None] = {}
        self._names: dict[str, str] = {}
        self._leave: Callable[[], None] = lambda: None
        with tag("section", classes="card comparison"):
            with tag("div", classes="toolbar"):
                tag("h2", "Compare")
                self._first = Select("", {"": "the first"}, visit.query.get("a", ""), lambda _: self._chosen())
                self._second = Select("with", {"": "the second"}, visit.query.get("b", ""), lambda _: self._chosen())
            columns = ("Over the window", "#One", "#Other", "#Difference")
            self._table = Table("Comparison", columns, "it takes two versions that had requests")

    def look(self, seconds: str) -> None:
        """At this window from now on."""
        self._leave()
        self._leave = self._visit.watch(
            "series",
            self._show,
            every_seconds=EVERY_SECONDS,
            service=self._service[1],
            namespace=self._service[0],
            seconds=seconds,
            step=str(WHOLE_SECONDS),
        )

    def faded(self, history: History) -> list[str]:
        """The strands that are not compared, when somebody has chosen which are."""
        chosen = {self._first.chosen, self._second.chosen} - {""}
        return [strand.key for strand in history.strands if chosen and strand.key not in set(self._pair())]

    def _show(self, answer: Answer) -> None:
        self._names = {key(version): called(version) for version in answer["versions"] if version["workload"]}
        self._totals = {key(version): together(version["points"]) for version in answer["versions"]}
        for select, none in ((self._first, "the first"), (self._second, "the second")):
            select.offer({"": none, **self._names})
        self._draw()

    def _chosen(self) -> None:
        self._visit.remember(a=self._first.chosen, b=self._second.chosen)
        self._draw()
        self._changed()

    def _pair(self) -> list[str]:
        """What is compared: what was chosen, or the first two that there are."""
        order = sorted(self._names, key=lambda name: (name.endswith("|copies"), name))
        first = self._first.chosen or next((name for name in order if name != self._second.chosen), "")
        return [first, self._second.chosen or next((name for name in order if name != first), "")]

    def _draw(self) -> None:
        pair = self._pair()
        one, other = (self._totals.get(name) for name in pair)
        if one is None or other is None:
            self._table.show([])
            return
        self._table.head("Over the window", *(self._names[name] for name in pair), "Difference")
        self._table.show(rows(one, other))
