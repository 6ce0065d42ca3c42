"""A comparison of the view `comparison`, in the words of the page. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from turnout.delivery.comparison.words import Json as Shown
from turnout.delivery.comparison.words import by_chance, interval, kind
from turnout.web.figure import UNKNOWN, count, duration, milliseconds, share
from turnout.web.table import Row

VERDICTS = {
    "regression": ("regression", "bad", "{to} breaks something that {from} does."),
    "difference": ("difference", "warn", "{to} answers differently."),
    "unsure": ("not sure yet", "", "No difference found, but not enough compared to be sure."),
    "same": ("same", "good", "No difference found."),
}
"""Of a comparison: what it is called, a CSS class, and a sentence."""
CLASSES = {
    "regression": "bad",
    "difference": "warn",
    "unclear": "",
}
"""What is listed with all it has, worst first, each with its CSS class; noise and what is accepted stand in tables."""


def line(view: Shown) -> Shown:
    """What the comparer said last; empty before it has said anything."""
    found: Shown = view.get("report") or {}
    return found


def routes(view: Shown) -> list[Shown]:
    """Those with the worst findings first; those that are as bad keep their order."""
    found: Sequence[Shown] = (line(view).get("report") or {}).get("routes") or ()
    return sorted(found, key=lambda route: min((rank(field) for field in route["fields"]), default=len(CLASSES)))


def rank(field: Shown) -> int:
    """0 is the worst class."""
    return list(CLASSES).index(field["class"]) if field["class"] in CLASSES else len(CLASSES)


# --- the whole


@dataclass(frozen=True, slots=True)
class Verdict:
    """`tone`: a CSS class."""

    called: str
    tone: str
    words: str


def verdict(view: Shown) -> Verdict:
    """What came out, or what is known by now."""
    said = line(view).get("verdict") or "unsure"
    if not routes(view):
        waiting = "Waiting for the first answers…" if view["running"] else "Nothing was compared: no answers came."
        return Verdict(VERDICTS[said][0], VERDICTS[said][1], waiting)
    called, tone, words = VERDICTS[said]
    settled = " More answers would hardly change it." if line(view).get("settled") else ""
    return Verdict(called, tone, words.format(**view) + settled)


def title(view: Shown) -> str:
    """`reviews: v2 beside v1`."""
    return f"{str(view['service']).partition('.')[0]}: {view['to']} beside {view['from']}"


def what_it_is(view: Shown, now: float) -> str:
    """`1/16 of GET, HEAD; 42 s of 5 min; it was stopped`."""
    sample = "all" if view["sample"] == "all" else f"{view['sample']} of"
    parts = [f"{sample} {', '.join(view['methods'])}", _so_long(view, now)]
    parts += [str(view["why"])] if view.get("why") else []
    return "; ".join(parts)


def _so_long(view: Shown, now: float) -> str:
    gone = duration(max(0.0, (view.get("ended") or now) - view["started"]))
    if not view["running"]:
        return gone
    whole = f" of {duration(view['ends'] - view['started'])}" if view.get("ends") else ""
    return f"{gone}{whole}{', or until it is sure' if view.get('until_sure') else ''}"


def part(view: Shown, now: float) -> float | None:
    """How much of its time is over, 0 to 1; None of one that has no end, or has ended."""
    if not view["running"] or not view.get("ends"):
        return None
    return float(min(1.0, max(0.0, (now - view["started"]) / max(1e-9, view["ends"] - view["started"]))))


def figures(view: Shown) -> Iterator[tuple[str, str]]:
    """What was compared, and what was not: that is never taken for equal."""
    said = line(view)
    pairs = said.get("pairs") or {}
    yield "Pairs so far", count(pairs.get("candidate", 0))
    yield "Stable with itself", count(pairs.get("baseline", 0))
    yield "Without a counterpart", count(said.get("unpaired") or 0)
    yield "Dropped", count(said.get("dropped") or 0)


def remarks(view: Shown) -> Iterator[str]:
    """What is not in the findings, and has to be known."""
    captured, report = line(view).get("share", 1.0), line(view).get("report") or {}
    if captured < 1:
        yield f"More requests come than can be compared: {share(captured)} of the sample is."
    for what, number in (report.get("dropped") or {}).items():
        yield f"{count(number)} {what} were counted only: there was no room for them."
    for each in report.get("unused_expectations") or ():
        yield f"Accepted, but not seen: {each['path']}."


def news(view: Shown) -> str:
    """What is told aloud when it changes."""
    return f"{'running' if view['running'] else 'ended'}, {verdict(view).called}"


def option(view: Shown) -> str:
    """One of several, in a list: `7: reviews v1, v2, 14:02, same`."""
    at = datetime.fromtimestamp(view["started"]).astimezone()
    service = str(view["service"]).partition(".")[0]
    result = "running" if view["running"] else VERDICTS[line(view).get("verdict") or "unsure"][0]
    return f"{view['id']}: {service} {view['from']}, {view['to']}, {at:%d %b %H:%M}, {result}"


# --- a route


Place = tuple[str, str]
"""A field's path, and in what way it differs: one of a kind in a route."""


def place(field: Shown) -> Place:
    return field["path"], field["kind"]


def listed(route: Shown, before: Sequence[Place] = ()) -> list[Shown]:
    """What deserves a look, worst first. Within a class those of `before` stay where they were: each look moves p."""
    seen = {each: at for at, each in enumerate(before)}
    fields = [field for field in route["fields"] if field["class"] in CLASSES]
    return sorted(fields, key=lambda field: (rank(field), seen.get(place(field), len(seen))))


def known(route: Shown, view: Shown) -> str:
    """How much there was, and how small a difference would have been found."""
    pairs = f"{count(route['pairs'])} pairs compared; {view['from']} with itself {count(route['baseline_pairs'])}."
    detectable = route["detectable_share"]
    if detectable is None:
        return f"{pairs} Too few to find anything yet."
    return f"{pairs} A difference in {share(detectable)} of the answers or more would have been found."


def lacks(route: Shown, view: Shown) -> list[str]:
    """What was not compared, and why."""
    names = {"candidate": view["to"], "baseline": f"{view['from']} itself"}
    return [
        f"{count(lack['count'])} of {count(route['copies'].get(lack['side'], 0))} copies for "
        f"{names.get(lack['side'], lack['side'])} were not compared: {lack['reason']}."
        for lack in route["lacks"]
    ]


def latencies(route: Shown, view: Shown) -> Iterator[Row]:
    """Who answered how fast: users' requests, and copies, which are never quite as fast."""
    whose = {"stable": f"{view['from']} to users", "baseline": f"{view['from']} to copies", "candidate": view["to"]}
    for side, words in whose.items():
        found = route["latency_ms"].get(side)
        if found:
            yield words, *(milliseconds(found.get(quantile)) for quantile in ("p50", "p90", "p99"))


def noise(route: Shown) -> Iterator[Row]:
    """What stable answers differently to itself as well."""
    for field in route["fields"]:
        if field["class"] == "noise":
            yield field["path"], kind(field), rate(field["candidate"]), rate(field["baseline"])


def accepted(route: Shown) -> Iterator[Row]:
    """What somebody has said may differ."""
    for field in route["fields"]:
        if field["class"] == "accepted":
            reason = field.get("accepted_by") or {}
            yield field["path"], kind(field), rate(field["candidate"]), reason.get("why") or UNKNOWN


# --- a finding


def rate(counted: Shown) -> str:
    """`4.9 % (3.7 to 6.4 %) of 1 000`."""
    if not counted["pairs"]:
        return "none compared"
    return f"{share(counted['share'])} ({interval(counted)}) of {count(counted['pairs'])}"


def chance(field: Shown) -> str:
    """How likely that is by chance, and what it would take to tell."""
    if field["class"] in ("regression", "difference"):
        return f"By chance alone: {by_chance(field['adjusted_p'])}, corrected for all that was tested."
    needed = field.get("needed_pairs")
    return "" if needed is None else f"About {count(needed)} pairs would tell."


def accept_command(field: Shown, route: Shown) -> str:
    """The file of what may differ is the user's: the page says how, and the command writes it."""
    words = ["turnout", "compare", "accept", field["path"], "--kind", field["kind"], "--route", route["route"]]
    return shlex.join(words)
