"""`/traces`: the traced requests, the latest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from turnout.web.field import Select, entry
from turnout.web.figure import UNKNOWN, milliseconds
from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.table import Cell, Row, Table
from turnout.web.visit import Visit

STATUSES = {"": "any", "error": "errors", "2xx": "2xx", "3xx": "3xx", "4xx": "4xx", "5xx": "5xx"}
COPIES = {"": "with or without", "1": "with", "0": "without"}
AGES = {"": "ever", "60": "1 minute", "900": "15 minutes", "3600": "1 hour", "21600": "6 hours"}
EVERY_SECONDS = 2.0
SHORT_ID = 12
EMPTY = "No trace fits. One request in a hundred is traced, unless `turnout up --trace-sampling` says more."
FORCE = "curl -H 'x-b3-sampled: 1' …"


def build(visit: Visit) -> None:
    """A list that follows, and what it is restricted to."""
    _Traces(visit)


class _Traces:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._leave: Callable[[], None] = lambda: None
        self._paused = False
        given = visit.query.get
        with tag("div", classes="toolbar"):
            tag("h1", "Traces")
            entry("Open", "", self._open, placeholder="trace id", spellcheck="false")
            self._pause = tag("button", "Pause", classes="button push", type="button", aria_pressed="false")
        self._pause.on("click", self._toggle)
        with tag("div", classes="toolbar filters", role="search", aria_label="Filters"):
            self._service = Select("Service", {"": "any"}, given("service", ""), self._choose("service"))
            self._least = entry("At least", given("min_ms", ""), self._choose("min_ms"), **NUMBER)
            self._most = entry("At most", given("max_ms", ""), self._choose("max_ms"), **NUMBER)
            self._status = Select("Status", STATUSES, given("status", ""), self._choose("status"))
            self._copies = Select("Copies", COPIES, given("mirrored", ""), self._choose("mirrored"))
            self._age = Select("Since", AGES, given("seconds", ""), self._choose("seconds"))
        with tag("section", classes="card"):
            columns = ("Trace", "Began", "Request", "To", "#Took", "#Hops", "Status", "")
            self._table = Table("Traces, the latest first", columns, EMPTY)
        with tag("p", classes="muted note-below"):
            tag("span", "Have a request traced: ")
            tag("code", FORCE)
        visit.watch("status", self._offer, every_seconds=EVERY_SECONDS)
        self._watch()

    def _offer(self, status: Mapping[str, Any]) -> None:
        names = {service["name"]: service["name"] for service in status["services"]}
        self._service.offer({"": "any", **dict(sorted(names.items()))})

    def _choose(self, name: str) -> Callable[[str], None]:
        def chosen(value: str) -> None:
            self._visit.remember(**{name: value})
            self._watch()

        return chosen

    def _watch(self) -> None:
        self._leave()
        asked = {name: self._visit.query.get(name, "") for name in NAMES}
        self._leave = self._visit.watch(
            "traces",
            self._show,
            every_seconds=EVERY_SECONDS,
            service=asked["service"],
            min_ms=asked["min_ms"],
            max_ms=asked["max_ms"],
            status=asked["status"],
            mirrored=asked["mirrored"],
            seconds=asked["seconds"],
        )

    def _show(self, found: Mapping[str, Any]) -> None:
        if not self._paused:
            self._table.show(rows(found))

    def _toggle(self) -> None:
        self._paused = not self._paused
        self._pause.say("Resume" if self._paused else "Pause")
        self._pause.set(aria_pressed="true" if self._paused else "false")

    def _open(self, trace_id: str) -> None:
        wanted = "".join(character for character in trace_id.lower() if character in "0123456789abcdef")
        if wanted:
            self._visit.open(f"/traces/{wanted}")


NUMBER = {"kind": "number", "min": "0", "step": "any", "inputmode": "decimal", "placeholder": "ms"}
NAMES = ("service", "min_ms", "max_ms", "status", "mirrored", "seconds")
"""What the list can be restricted by: in the URL as in the view."""


def rows(found: Mapping[str, Any]) -> Iterator[Row]:
    """One for each trace of the view."""
    for trace in found["traces"]:
        began = datetime.fromtimestamp(trace["at"]).astimezone()
        yield (
            Cell(trace["trace_id"][:SHORT_ID], "mono", f"/traces/{trace['trace_id']}"),
            f"{began:%H:%M:%S}.{began.microsecond // 1000:03}",
            trace["name"],
            trace["service"].partition(".")[0] or UNKNOWN,
            milliseconds(trace["duration_ms"]),
            str(trace["spans"]),
            Cell(trace["status"] or UNKNOWN, "bad" if trace["error"] else "good"),
            Cell("copied", "copy") if trace["mirrored"] else "",
        )


PAGE = Page("/traces", "Traces", build)
