"""Traces in the terminal: a line for each, or for each hop of one, with bars over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

BAR_COLUMNS = 24
SHORT_ID = 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"

Shown = Mapping[str, Any]
"""A trace or a span, as the views have it."""


def listed(found: Shown) -> RenderableType:
    """From the JSON of the view `traces`."""
    traces = found["traces"]
    if not traces:
        return Text("no trace fits: one request in a hundred is traced, unless `turnout up --trace-sampling` says more")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("TRACE", no_wrap=True, min_width=SHORT_ID)
    table.add_column("BEGAN", no_wrap=True, min_width=12)
    for column in ("MS", "HOPS"):
        table.add_column(column, no_wrap=True, min_width=4, justify="right")
    for column in ("STATUS", "REQUEST", "TO"):
        table.add_column(column, no_wrap=True, min_width=6)
    for trace in traces:
        table.add_row(
            trace["trace_id"][:SHORT_ID],
            _clock(trace["at"]),
            _milliseconds(trace["duration_ms"]),
            str(trace["spans"]),
            _status(trace),
            trace["name"],
            Text(_short(trace["service"]) + (" + copies" if trace["mirrored"] else "")),
        )
    return table


def waterfall(trace: Shown) -> RenderableType:
    """From the JSON of the view `traces/<id>`."""
    spans: Sequence[Shown] = trace["spans"]
    until = max(span["at"] + span["duration_ms"] / 1000 for span in spans)
    whole_ms = max((until - trace["at"]) * 1000, 0.001)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("CALL", no_wrap=True)
    table.add_column("STATUS", no_wrap=True, min_width=6)
    table.add_column("MS", no_wrap=True, min_width=5, justify="right")
    table.add_column("", no_wrap=True, min_width=BAR_COLUMNS)
    table.add_column("ROUTE", no_wrap=True, style="dim")
    for prefix, span in _tree(spans):
        bar = _bar((span["at"] - trace["at"]) * 1000 / whole_ms, span["duration_ms"] / whole_ms)
        call = Text(prefix, "dim") + Text(_call(span))
        table.add_row(call, _status(span), _milliseconds(span["duration_ms"]), Text(bar, _style(span)), span["route"])
    head = f"{trace['name']}  {_milliseconds(trace['duration_ms'])} ms  {_clock(trace['at'], day=True)}"
    return Group(Text(head, "bold"), Text(f"trace {trace['trace_id']}", "dim"), table)


def _tree(spans: Sequence[Shown]) -> Iterator[tuple[str, Shown]]:
    """Each span below the one that caused it, with the lines that lead to it; by their beginning."""
    children: dict[str, list[Shown]] = {}
    seen: set[str] = set()
    for span in spans:  # whoever caused it began before it
        children.setdefault(span["parent_id"] if span["parent_id"] in seen else "", []).append(span)
        seen.add(span["span_id"])
    waiting = [("", "", span) for span in reversed(children.get("", []))]
    while waiting:
        lead, branch, span = waiting.pop()
        yield lead + branch, span
        below = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        own = children.pop(span["span_id"], [])
        waiting += [(below, "└─ " if child is own[-1] else "├─ ", child) for child in reversed(own)]


def _call(span: Shown) -> str:
    """`preference-v1 → recommendation v2 (copy)`."""
    to = " ".join(word for word in (_short(span["service"]) or span["url"], _version(span)) if word)
    source = f"{span['source']} → " if span["source"] else "→ "
    return source + to + (" (copy)" if span["mirrored"] else "")


def _version(span: Shown) -> str:
    version = span["version"]
    return str(span["subset"] if version in ("", "latest") else version)


def _bar(start: float, share: float) -> str:
    """Where a share of the whole lies, in eighths of a column; never nothing."""
    begin = min(round(start * BAR_COLUMNS), BAR_COLUMNS - 1)
    eighths = min(max(round(share * BAR_COLUMNS * 8), 1), (BAR_COLUMNS - begin) * 8)
    full, rest = divmod(eighths, 8)
    return " " * begin + _EIGHTHS[8] * full + (_EIGHTHS[rest] if rest else "")


def _style(span: Shown) -> str:
    if span["error"]:
        return "red"
    return "dim cyan" if span["mirrored"] else "cyan"


def _status(shown: Shown) -> Text:
    """The code and, of a span, Envoy's flags."""
    words = " ".join(word for word in (shown["status"] or "-", shown.get("flags", "")) if word)
    return Text(words, "bold red" if shown["error"] else "")


def _milliseconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _clock(at: float, *, day: bool = False) -> str:
    when = datetime.fromtimestamp(at).astimezone()
    return when.strftime("%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S.") + (
        "" if day else f"{when.microsecond // 1000:03}"
    )


def _short(host: str) -> str:
    """A service of a namespace by its name; other hosts as they are."""
    return host.partition(".")[0] if host.endswith(".svc.cluster.local") else host
