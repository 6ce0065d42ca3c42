"""What a comparison came to, in words: for the terminal and for the page alike."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from turnout.delivery.comparison.judgement import STATED_SIZE
from turnout.delivery.comparison.words import LATENCY, Json, by_chance, interval, kind

WORST_FIRST = ("regression", "difference", "unclear", "noise", "accepted")
VERDICTS = {
    "regression": "{to} breaks something",
    "difference": "{to} answers differently",
    "unsure": "no difference found, but not enough compared to be sure",
    "same": "no difference found",
}
MOST_LISTED = 8


def report_of(view: Json) -> Json:
    """The judgement in what the view `comparison` shows; empty while there is none."""
    found: Json = (view.get("report") or {}).get("report") or {}
    return found


def verdict_of(view: Json) -> str:
    """What is known of it: `unsure` while that is nothing."""
    return str((view.get("report") or {}).get("verdict") or "unsure")


def headline(view: Json) -> str:
    """`regression: green breaks something`."""
    verdict = verdict_of(view)
    return f"{verdict}: {VERDICTS[verdict].format(to=view['to'])}"


def what_it_is(view: Json) -> str:
    """Which comparison, of what, for how long."""
    sample = "" if view["sample"] == "all" else f"{view['sample']} of "
    seconds = (view.get("ended") or view.get("now") or view["started"]) - view["started"]
    service = str(view["service"]).partition(".")[0]
    end = "it still runs" if view["running"] else f"{view['why']}"
    return (
        f"comparison {view['id']}: {service}, {view['to']} beside {view['from']}; "
        f"{sample}{', '.join(view['methods'])}; {duration(seconds)}; {end}"
    )


def duration(seconds: float) -> str:
    """`42 s`, `5 min 3 s`."""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def compared(route: Json, stable: str) -> str:
    """How much there was to compare on one route."""
    copies = route["copies"].get("candidate", 0)
    return (
        f"{copies:,} copies, {route['pairs']:,} compared as a whole; {stable} with itself: {route['baseline_pairs']:,}"
    )


def fields(route: Json, *classes: str) -> list[Json]:
    """Those of the given classes; the report has the worst first."""
    return [field for field in route["fields"] if field["class"] in classes]


def title(field: Json) -> str:
    """`$.user is missing`."""
    return f"{field['path']} {kind(field)}"


def rates(field: Json, stable: str) -> str:
    """In how many answers, and how often stable does that itself."""
    words = f"; {field['words']}" if field["words"] else ""
    own = f"{stable} itself {share(field['baseline'])}"
    return f"in {share(field['candidate'])}, {own}{words}{chance(field)}"


def share(count: Json) -> str:
    """`4.9 % (3.7 to 6.4 %) of 1,000`."""
    if not count["pairs"]:
        return "none compared"
    return f"{100 * count['share']:.3g} % ({interval(count)}) of {count['pairs']:,}"


def chance(field: Json) -> str:
    """How often chance alone would do as much; only where that was asked."""
    return f"; {by_chance(field['adjusted_p'])}" if field["class"] in ("regression", "difference") else ""


def needed(field: Json) -> str:
    """What it would take to tell."""
    pairs = field["needed_pairs"]
    return "" if pairs is None else f"; about {pairs:,} pairs would tell"


def paths(found: Sequence[Json]) -> str:
    """Each path once, the first few."""
    names = list(dict.fromkeys(field["path"] for field in found if not field["path"].startswith(LATENCY)))
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more


def blind(route: Json) -> str:
    """What the values of noisy fields might still hide."""
    hidden = [f["needed_pairs"] or 0 for f in fields(route, "noise") if f["kind"] == "distribution"]
    most = max(hidden, default=0)
    if most <= route["pairs"]:
        return ""
    return f"if {100 * STATED_SIZE:.0f} % of these values were to lie elsewhere, about {most:,} pairs would show it"


def latency(route: Json, view: Json) -> str:
    """p50, p90 and p99 of each: who answered users, and who got copies."""
    whose = {"stable": f"{view['from']} to users", "baseline": f"{view['from']}'s copies", "candidate": view["to"]}
    found = route["latency_ms"]
    each = (f"{words} {_quantiles(found[name])}" for name, words in whose.items() if name in found)
    return ", ".join(each)


def _quantiles(quantiles: Json) -> str:
    times = (quantiles[name] for name in ("p50", "p90", "p99"))
    return " / ".join(f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}" for ms in times)


def known(route: Json) -> str:
    """How small a difference would have been found."""
    detectable = route["detectable_share"]
    if detectable is None:
        return "too few pairs to find anything yet"
    return f"a difference in {100 * detectable:.2g} % of the answers or more would have been found"


def lacks(route: Json, view: Json) -> Iterator[str]:
    """What was not compared, and why: that is never taken for equal."""
    names = {"candidate": view["to"], "baseline": f"{view['from']} itself"}
    for lack in route["lacks"]:
        copies = route["copies"].get(lack["side"], 0)
        yield f"{lack['count']:,} of {copies:,} copies for {names[lack['side']]}: {lack['reason']}"


def not_counted(view: Json) -> Iterator[str]:
    """What did not come into the report at all."""
    line = view.get("report") or {}
    if line.get("captured") and line.get("share", 1.0) < 1.0:
        yield f"{100 * line['share']:.2g} % of the sample was copied at the end: it is as many as are looked at"
    if line.get("dropped"):
        yield f"{line['dropped']:,} answers were more than could be taken in"
    for what, count in (report_of(view).get("dropped") or {}).items():
        yield f"{count:,} {what} were counted only: there was no room for them"
    for each in report_of(view).get("unused_expectations") or ():
        yield f"accepted, but not seen: {each['path']}"


def accepting(view: Json) -> str:
    """The command that accepts the differences, to be copied; not regressions, and being faster needs no leave."""
    routes = report_of(view).get("routes") or ()
    found = [field["path"] for route in routes for field in fields(route, "difference") if field["kind"] != "faster"]
    paths = " ".join(shlex.quote(path) for path in dict.fromkeys(found))
    return f"turnout compare accept {paths}" if paths else ""


def warnings(view: Json) -> Iterator[str]:
    """What is wrong with the comparison itself."""
    line = view.get("report") or {}
    if line.get("problem"):
        yield str(line["problem"])
    if not report_of(view).get("routes"):
        yield "nothing was compared: no request came that is copied"


def progress(view: Json, now: float) -> str:
    """One line while it runs. `now`: unix seconds."""
    line = view.get("report") or {}
    pairs = line.get("pairs") or {"candidate": 0, "baseline": 0}
    left = "" if view["ends"] is None else f" of {duration(view['ends'] - view['started'])}"
    told = f"{pairs['candidate']:,} pairs, {view['from']} with itself {pairs['baseline']:,}"
    found = [f["path"] for route in report_of(view).get("routes") or () for f in fields(route, *WORST_FIRST[:2])]
    more = f": {', '.join(dict.fromkeys(found))}" if found else ""
    return f"{duration(now - view['started'])}{left}  {told}  {verdict_of(view)}{more}"
