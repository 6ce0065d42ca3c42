"""`/logs`: what workloads print, and the requests that pass, as they come."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from turnout.error import TurnoutError
from turnout.web.choice import choice
from turnout.web.field import Select
from turnout.web.figure import milliseconds
from turnout.web.lines import Line, Lines, Part
from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.stream import Batch
from turnout.web.visit import Visit

OUTPUT, REQUESTS = "output", "requests"
FIRST_LINES = 500
"""Of each log."""
OWN = {"envoy": "Envoy", "turnout": "Turnout itself"}
STATUSES = {"": "any", "2xx": "2xx", "3xx": "3xx", "4xx": "4xx", "5xx": "5xx"}
EMPTY = {OUTPUT: "Nothing was printed yet.", REQUESTS: "No request yet: they are shown from now on, as they pass."}
LOOKS = 6
"""Kinds of `who-1` to `who-6`: colours that tell writers apart."""
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_POD = re.compile(r"([a-z0-9][a-z0-9.-]*-[a-z0-9]{5}) \| ")


def build(visit: Visit) -> None:
    """A choice of what to read, and the lines."""
    _Logs(visit)


class _Logs:
    """One browser's choice of what flows."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._leave: Callable[[], None] = lambda: None
        self._what = REQUESTS if visit.query.get("show") == REQUESTS else OUTPUT
        with tag("div", classes="toolbar"):
            tag("h1", "Logs")
            choice("What to show", {OUTPUT: "Output", REQUESTS: "Requests"}, self._what, self._show)
            self._workload = Select("Workload", {"": "all"}, visit.query.get("workload", ""), self._choose)
            self._status = Select("Status", STATUSES, visit.query.get("status", ""), self._choose)
        with tag("section", classes="card lines-card"):
            self._refused = tag("p", classes="bad", role="alert", hidden=True)
            self._lines = Lines("Lines, the newest last", search=visit.query.get("search", ""))
        self._lines.on("search", lambda event: visit.remember(search=str(event.args)), throttle=0.5)
        visit.watch("status", self._offer, every_seconds=2.0)
        self._read()

    def _offer(self, status: Mapping[str, Any]) -> None:
        names = {workload["name"]: workload["name"] for workload in status["workloads"]}
        own = {} if self._what == REQUESTS else OWN
        self._workload.offer({"": "all", **names, **own})

    def _show(self, what: str) -> None:
        self._what = what
        self._choose("")

    def _choose(self, _: str) -> None:
        requests = self._what == REQUESTS
        self._visit.remember(
            show=REQUESTS if requests else "",
            workload=self._workload.chosen,
            status=self._status.chosen if requests else "",
        )
        self._read()

    def _read(self) -> None:
        self._leave()
        self._refused.set(hidden=True)
        self._lines.say_when_empty(EMPTY[self._what])
        self._status.show(on=self._what == REQUESTS)
        workload = self._workload.chosen
        looks: dict[str, str] = {}
        if self._what == REQUESTS:
            query = {"workload": workload, "status": self._status.chosen}
            self._leave = self._visit.read("access", self._add(request), fail=self._fail, **query)
        else:
            query = {"workload": workload, "follow": "1", "lines": str(FIRST_LINES)}
            self._leave = self._visit.read(
                "logs", self._add(lambda line: output(line, looks)), fail=self._fail, **query
            )

    def _add(self, read: Callable[[str], Line]) -> Callable[[Batch], None]:
        def add(batch: Batch) -> None:
            # Each of Envoy's threads tells of its own requests: as text, they sort by the time that they begin with.
            lines = sorted(batch.lines) if self._what == REQUESTS else batch.lines
            self._lines.add(map(read, lines), missed=batch.missed, anew=batch.anew)

        return add

    def _fail(self, error: TurnoutError) -> None:
        self._refused.say(f"{error.message}: {error.hint}" if error.hint else error.message)
        self._refused.set(hidden=False)


def output(line: str, looks: dict[str, str]) -> Line:
    """What a workload printed; where several do, each is headed by its pod: `app-v1-x2kd9 | listens`.

    `looks`: pod → its CSS classes; new ones are put in.
    """
    plain = _ESCAPE.sub("", line)
    found = _POD.match(plain)
    if found is None:
        return Line((Part(plain),))
    look = looks.setdefault(found[1], f"who who-{len(looks) % LOOKS + 1}")
    return Line((Part(f"{found[1]} ", look), Part(plain[found.end() :])))


def request(line: str) -> Line:
    """One line of the access log, as people read it."""
    try:
        found = json.loads(line)
        return _dropped(found["dropped"]) if "dropped" in found else _request(found)
    except (ValueError, LookupError, TypeError):
        return Line((Part(line, "muted"),))


def _dropped(count: int) -> Line:
    return Line((Part(f"{count} requests were too many to be told of", "muted"),))


def _request(found: Mapping[str, Any]) -> Line:
    status = int(found["status"])
    failed = status == 0 or status >= 500
    return Line(tuple(_parts(found, status)), "failed" if failed else "mirrored" if found["mirrored"] else "")


def _parts(found: Mapping[str, Any], status: int) -> Iterator[Part]:
    at = datetime.fromisoformat(found["at"]).astimezone()
    yield Part(f"{at:%H:%M:%S}.{at.microsecond // 1000:03} ", "when")
    yield Part(f"{status or '—'} ", f"status {tone(status)}")
    yield Part(f"{milliseconds(found['duration_ms'])} ", "took")
    answered = found["workload"] or found["service"].partition(".")[0] or "nobody"
    yield Part(f"{found['source'] or 'a copy'} → {answered} ", "who-calls")
    yield Part(f"{found['method']} {found['authority']}{found['path']} ", "what")
    if found["mirrored"]:
        yield Part("copy ", "pill copy")
    if found["attempts"] > 1:
        yield Part(f"{found['attempts']} attempts ", "muted")
    if found["flags_in_words"]:
        yield Part(f"{found['flags']}: {found['flags_in_words']} ", "why")
    if found["trace_id"]:
        yield Part("trace", "to-trace", f"/traces/{found['trace_id']}")


def tone(status: int) -> str:
    """A CSS class: what a status means for whoever asked."""
    if status == 0 or status >= 500:
        return "bad"
    return "warn" if status >= 400 else "good"


PAGE = Page("/logs", "Logs", build)
