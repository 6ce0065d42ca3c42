"""One rollout in the terminal: its steps, its guards with their intervals, and why it stands where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.rollout import lookup
from turnout.cli.rollout.lookup import Object
from turnout.cli.rollout.words import moved, points, share, spoken
from turnout.rollout.user_words import users_words

_STYLES = {
    "running": "bold green",
    "paused": "bold yellow",
    "halted": "bold red",
    "aborted": "bold red",
    "refused": "bold red",
    "finished": "bold green",
    "worse": "bold red",
    "fine": "green",
}
_WIDTH = 24
"""Characters of an interval; the tolerance is at three quarters, none at all in the middle."""

_WIDE = 120
"""From so many characters on, intervals are drawn too."""

_MORE_HINT = "for all of one: `turnout rollout status NAME`"


def board(obj: Object, now: float, width: int) -> RenderableType:
    """`now`: seconds since 1970, on the clock that stamped the status. `width`: how many characters a line has."""
    status = obj.get("status") or {}
    parts: list[RenderableType] = [_head(obj, status, now)]
    if not status:
        return Group(*parts, Text("it has not begun yet", style="dim"))
    if status.get("steps"):
        parts.append(_steps(status, now))
    if status.get("verdicts"):
        parts.append(_guards(status["verdicts"], drawn=width >= _WIDE))
    return Group(*parts, *(Text(line) for line in _rest(obj, status)))


def listed(objects: Sequence[Object], now: float) -> RenderableType:
    """A row for each."""
    table = _table("ROLLOUT", "SERVICE", "VERSIONS", "PHASE", "STEP", "BEGAN", "WHY")
    for obj in objects:
        spec, status = obj["spec"], obj.get("status") or {}
        phase = lookup.phase(obj)
        table.add_row(
            lookup.title(obj),
            spec["service"],
            f"{spec['from']} → {spec['to']}",
            Text(phase or "not begun", style=_STYLES.get(phase, "dim")),
            _place(status),
            f"{spoken(max(0.0, now - status['startedAt']))} ago" if status.get("startedAt") else "-",
            status.get("why") or "",
        )
    return Group(table, Text(_MORE_HINT, style="dim"))


def _head(obj: Object, status: Mapping[str, Any], now: float) -> Text:
    spec, phase = obj["spec"], lookup.phase(obj)
    text = Text(f"{lookup.title(obj)}  {spec['service']}: {spec['from']} → {spec['to']}  ", style="bold")
    text.append(phase or "not begun", style=_STYLES.get(phase, "dim"))
    if began := status.get("startedAt"):
        took = spoken(max(0.0, (status.get("finishedAt") or now) - began))
        text.append(f"  {_place(status)}, {'took' if status.get('finishedAt') else 'for'} {took}", style="not bold")
    return text


def _place(status: Mapping[str, Any]) -> str:
    steps = status.get("steps") or ()
    return f"step {status.get('step', 0) + 1} of {len(steps)}" if steps else "-"


def _steps(status: Mapping[str, Any], now: float) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    at, phase = status.get("step", 0), status.get("phase")
    for index, step in enumerate(status["steps"]):
        mark, style = _mark(index, at, phase)
        told = "; ".join(_current(status, now)) if index == at else _impact(status, step)
        table.add_row(Text(mark, style=style), Text(step["name"], style="bold" if index == at else ""), told)
    return table


def _mark(index: int, at: int, phase: str | None) -> tuple[str, str]:
    if index < at or phase == "finished":
        return "✓", "green"
    if index > at:
        return " ", ""
    return {"aborted": ("✗", "bold red"), "halted": ("✗", "bold red"), "paused": ("‖", "bold yellow")}.get(
        phase or "", ("▸", "bold green")
    )


def _current(status: Mapping[str, Any], now: float) -> Iterator[str]:
    if status.get("phase") in lookup.ENDED:
        return
    if status.get("split"):
        yield f"seen: {status['split']}"
    if status.get("countedSeconds"):
        yield f"{spoken(status['countedSeconds'])} count"
    elif entered := status.get("enteredAt"):
        yield f"asked for {spoken(max(0.0, now - entered))} ago"
    blast = status.get("blast") or {}
    if blast.get("touched") is not None:
        yield f"touches {_bounded(blast['touched'], bound=bool(blast.get('bound')))}"


def _impact(status: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    """Of a weight: how many user requests it touches."""
    blast = status.get("blast") or {}
    if step.get("kind") != "weight":
        return ""
    for weight, touched in blast.get("weights") or ():
        if float(weight) == float(step.get("percent") or 0):
            return f"touches {_bounded(touched, bound=bool(blast.get('bound')) and float(weight) < 100)}"
    return ""


def _bounded(touched: float, *, bound: bool) -> str:
    return f"{'at most ' if bound else ''}{share(touched)} of user requests"


def _guards(verdicts: Sequence[Mapping[str, Any]], *, drawn: bool) -> Table:
    """Increases are in percentage points."""
    more = ("", "TOLERATED") if drawn else ()
    table = _table("GUARD", "VERDICT", "CANDIDATE", "STABLE", "INCREASE", "BETWEEN", *more, "NEEDS")
    for verdict in verdicts:
        table.add_row(
            verdict["guard"],
            Text(verdict["kind"], style=_STYLES.get(verdict["kind"], "")),
            _stream(verdict.get("candidate")),
            _stream(verdict.get("stable")),
            points(verdict["increase"]) if verdict.get("increase") is not None else "-",
            _interval(verdict),
            *((_drawn(verdict), points(verdict["tolerance"])) if drawn else ()),
            _needs(verdict),
        )
    return table


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False, header_style="dim")
    for column in table.columns[:-1]:
        column.no_wrap = True
    return table


def _stream(counts: Mapping[str, Any] | None) -> str:
    return f"{counts['bad']:,} of {counts['total']:,}" if counts else "-"


def _interval(verdict: Mapping[str, Any]) -> str:
    if verdict.get("increase") is None:
        return "-"
    return f"{points(verdict['low'])} … {points(verdict['high'])}"


def _drawn(verdict: Mapping[str, Any]) -> str:
    """The interval of the increase as a line: `┊` where there is none, `!` at the tolerance."""
    if verdict.get("increase") is None or not verdict.get("tolerance"):
        return ""
    cells = ["·"] * _WIDTH
    low, high = _cell(verdict["low"], verdict), _cell(verdict["high"], verdict)
    cells[low : high + 1] = "━" * (high + 1 - low)
    cells[_WIDTH // 2], cells[_cell(verdict["tolerance"], verdict)] = "┊", "!"
    cells[_cell(verdict["increase"], verdict)] = "●"
    return "".join(cells)


def _cell(value: float, verdict: Mapping[str, Any]) -> int:
    scaled = _WIDTH / 2 + value / verdict["tolerance"] * _WIDTH / 4
    return min(max(int(scaled), 0), _WIDTH - 1)


def _needs(verdict: Mapping[str, Any]) -> str:
    if verdict["kind"] != "open":
        return ""
    if verdict.get("requests") is None:
        return "traffic" if verdict.get("increase") is None else "a clearer difference"
    time = f" in {spoken(verdict['seconds'])}" if verdict.get("seconds") is not None else ""
    return f"~{verdict['requests']:,} more{time}"


def _open(status: Mapping[str, Any]) -> str:
    """The reason for waiting that the guards' table says already."""
    return "; ".join(verdict["words"] for verdict in status.get("verdicts") or () if verdict["kind"] != "fine")


def _rest(obj: Object, status: Mapping[str, Any]) -> Iterator[str]:
    if (why := status.get("why")) and why != _open(status):
        yield f"why: {why}"
    if users := users_words(status, obj["spec"]):
        yield users
    if changed := status.get("lastChange"):
        yield moved(changed)
    if status.get("phase") in ("paused", "halted"):
        name = lookup.title(obj)
        yield (
            f"`turnout rollout resume {name}`, `promote` or `abort`"
            if status["phase"] == "paused"
            else ("it goes back as soon as the old version is healthy")
        )
