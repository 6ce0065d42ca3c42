"""`/traces/<id>`: one request's way, hop by hop, over time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from turnout.error import TurnoutError
from turnout.web.figure import milliseconds
from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.prose import prose
from turnout.web.table import figures
from turnout.web.visit import Visit
from turnout.web.waterfall import Bar, bars, called, details, length_ms, status, ticks

Trace = Mapping[str, Any]
COPY_YOURSELF = "The browser does not let this page copy: select the id and copy it."


def build(visit: Visit) -> None:
    """What is known by now; hops that come late are put in."""
    _Trace(visit)


class _Trace:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._shown: object = None
        tag("a", "← Traces", href="/traces", classes="back")
        self._missing = tag("section", classes="card well", role="status", hidden=True)
        self._found = tag("div", hidden=True)
        visit.watch(f"traces/{visit.path['id']}", self._show, every_seconds=2.0, fail=self._refused)

    def _refused(self, error: TurnoutError) -> None:
        if self._shown == error.message:
            return
        self._shown = error.message
        self._missing.clear()
        with self._missing:
            tag("h1", f"{error.message[:1].upper()}{error.message[1:]}")
            prose("p", error.hint or "", classes="muted")
        self._missing.set(hidden=False)
        self._found.set(hidden=True)

    def _show(self, trace: Trace) -> None:
        if self._shown == trace:
            return
        self._shown = trace
        self._missing.set(hidden=True)
        self._found.set(hidden=False)
        self._found.clear()
        with self._found:
            self._head(trace)
            with tag("section", classes="card waterfall"):
                _waterfall(trace)

    def _head(self, trace: Trace) -> None:
        with tag("div", classes="toolbar"):
            tag("h1", trace["name"])
            tag("span", trace["status"] or "no answer", classes=f"pill {'bad' if trace['error'] else 'good'}")
            with tag("span", classes="trace-id push"):
                tag("code", trace["trace_id"], aria_label="trace id")
                copy = tag("button", "Copy", classes="button", type="button", aria_label="Copy the trace id")
        text = json.dumps(trace["trace_id"])
        handler = f"() => navigator.clipboard.writeText({text}).then(() => emit(true), () => emit(false))"
        copy.on("click", lambda event: self._visit.say("Copied." if event.args else COPY_YOURSELF), js_handler=handler)
        began = datetime.fromtimestamp(trace["at"]).astimezone()
        copies = sum(span["mirrored"] for span in trace["spans"])
        with tag("section", classes="card trace-figures"):
            figures(
                [
                    ("Duration", milliseconds(trace["duration_ms"])),
                    ("Hops", str(len(trace["spans"]) - copies)),
                    ("Copies", str(copies)),
                    ("Began", f"{began:%H:%M:%S}.{began.microsecond // 1000:03}"),
                ]
            )


def _waterfall(trace: Trace) -> None:
    with tag("div", classes="axis", aria_hidden="true"):
        tag("span", "Hop")
        with tag("span", classes="ticks"):
            for label in ticks(length_ms(trace)):
                tag("span", label)
    with tag("ol", classes="spans"):
        for bar in bars(trace):
            _span(trace, bar)


def _span(trace: Trace, bar: Bar) -> None:
    span = bar.span
    looks = f"version-{bar.look} {'mirrored' if span['mirrored'] else ''} {'failed' if span['error'] else ''}"
    with tag("li"), tag("details", classes=f"span {looks}"):
        with tag("summary"):
            with tag("span", classes="hop", style=f"padding-left: {min(bar.depth, 12) * 16}px"):
                tag("span", f"{span['source'] or '?'} → ", classes="muted")
                tag("strong", called(span))
                if span["mirrored"]:
                    tag("span", "copy", classes="pill copy")
                if span["error"] or span["flags"]:
                    tag("span", status(span), classes="pill bad" if span["error"] else "pill warn")
            with tag("span", classes="lane", aria_hidden="true"):
                tag("span", classes="bar", style=f"left: {bar.start}%; width: {bar.width}%")
            tag("span", milliseconds(span["duration_ms"]), classes="took")
        with tag("dl"):
            for name, text in details(trace, span):
                with tag("div"):
                    tag("dt", name)
                    tag("dd", text)


PAGE = Page("/traces/{id}", "", build, parent="/traces")
