"""A judgement as a plain dict, for JSON and whoever draws it, and as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from turnout.delivery.comparison.judgement import STATED_SIZE
from turnout.delivery.comparison.kind import Kind
from turnout.delivery.comparison.latency import LATENCY
from turnout.delivery.comparison.proportion import Count, interval
from turnout.delivery.comparison.tally import Example
from turnout.delivery.comparison.verdict import Class, Finding, Judgement, RouteJudgement, Verdict

_VERDICTS = {
    Verdict.REGRESSION: "the candidate breaks something",
    Verdict.DIFFERENCE: "the candidate answers differently",
    Verdict.UNSURE: "no difference found, but not enough compared to be sure",
    Verdict.SAME: "no difference found",
}
_MOST_LISTED = 8


def plain(judgement: Judgement) -> dict[str, Any]:
    """What `json.dumps` takes. Shares are 0 to 1, durations milliseconds; what is not known is null."""
    return {
        "verdict": judgement.verdict.value,
        "settled": judgement.is_settled,
        "tests": judgement.tests,
        "rate": judgement.rate,
        "routes": [_route(route) for route in judgement.routes],
        "dropped": dict(judgement.dropped),
        "unused_expectations": [{"path": each.path, "route": each.route} for each in judgement.unused],
    }


def _route(route: RouteJudgement) -> dict[str, Any]:
    lacks = [{"side": side, "reason": reason, "count": n} for (side, reason), n in sorted(route.lacks.items())]
    names = ("p50", "p90", "p99")
    return {
        "route": route.route,
        "copies": dict(route.copies),
        "pairs": route.pairs,
        "baseline_pairs": route.baseline_pairs,
        "detectable_share": route.detectable,
        "main": route.is_main,
        "sure": route.is_sure,
        "lacks": lacks,
        "latency_ms": {w: dict(zip(names, values, strict=True)) for w, values in route.quantiles_ms.items()},
        "fields": [_finding(finding) for finding in route.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    accepted = finding.accepted
    return {
        "path": finding.key.path,
        "kind": finding.key.kind.value,
        "class": finding.verdict.value,
        "candidate": _count(finding.candidate),
        "baseline": _count(finding.baseline),
        "excess": list(finding.excess),
        "p": finding.p,
        "adjusted_p": finding.adjusted_p,
        "open": finding.is_open,
        "needed_pairs": finding.needed,
        "words": finding.words,
        "accepted_by": None if accepted is None else {"path": accepted.path, "why": accepted.why},
        "examples": [_example(example) for example in finding.examples],
    }


def _count(count: Count) -> dict[str, Any]:
    low, high = interval(count)
    return {"differing": count.hits, "pairs": count.of, "share": count.share, "low": low, "high": high}


def _example(example: Example) -> dict[str, Any]:
    return {
        "key": example.key,
        "request": f"{example.method} {example.path}",
        "at": example.at,
        "stable": example.stable,
        "candidate": example.copy,
    }


def lines(judgement: Judgement) -> list[str]:
    """For people: the worst first, each with an example; noise in one line."""
    return list(_lines(judgement))


def _lines(judgement: Judgement) -> Iterator[str]:
    yield f"{judgement.verdict}: {_VERDICTS[judgement.verdict]}"
    for route in judgement.routes:
        yield ""
        yield from _route_lines(route)
    for what, count in judgement.dropped.items():
        yield f"{count:,} {what} were counted only: there was no room for them"
    for each in judgement.unused:
        yield f"expected, but not seen: {each.path}"


def _route_lines(route: RouteJudgement) -> Iterator[str]:
    yield f"{route.route}: {route.pairs:,} pairs compared; stable with itself: {route.baseline_pairs:,}"
    for finding in route.findings:
        if finding.verdict in (Class.REGRESSION, Class.DIFFERENCE):
            yield from _finding_lines(finding)
    unclear = [finding for finding in route.findings if finding.verdict is Class.UNCLEAR]
    for finding in unclear[:_MOST_LISTED]:
        yield f"  unclear     {_counts(finding)}{_more(finding)}"
    if len(unclear) > _MOST_LISTED:
        yield f"  unclear     and {len(unclear) - _MOST_LISTED:,} fields more"
    noise = [f for f in route.findings if f.verdict is Class.NOISE and not f.key.path.startswith(LATENCY)]
    yield from _listed("noise", noise)
    yield from _blind(noise, route.pairs)
    yield from _listed("accepted", [f for f in route.findings if f.verdict is Class.ACCEPTED])
    yield from _latency(route)
    yield from _what_is_known(route)
    for (side, reason), count in sorted(route.lacks.items()):
        yield f"  not compared: {count:,} of {route.copies.get(side, 0):,} copies for {side}: {reason}"


def _finding_lines(finding: Finding) -> Iterator[str]:
    words = f": {finding.words}" if finding.words else ""
    yield f"  {finding.verdict:<11} {_counts(finding)}, p = {finding.adjusted_p:.2g}{words}"
    for example in finding.examples[:1]:
        place = "" if example.at == finding.key.path else f" at {example.at}"
        yield f"    {example.method} {example.path}{place}"
        yield f"      stable     {_side(example.stable)}"
        yield f"      candidate  {_side(example.copy)}"


def _side(value: str | None) -> str:
    return "(nothing)" if value is None else value


def _counts(finding: Finding) -> str:
    return (
        f"{finding.key.path} {finding.key.kind} {_share(finding.candidate)}, stable itself {_share(finding.baseline)}"
    )


def _share(count: Count) -> str:
    """`4.9 % (3.7 to 6.4 %) of 1,000`."""
    if not count.of:
        return "not compared"
    low, high = interval(count)
    return f"{100 * count.share:.3g} % ({100 * low:.2g} to {100 * high:.3g} %) of {count.of:,}"


def _more(finding: Finding) -> str:
    return "" if finding.needed is None else f"; about {finding.needed:,} pairs would tell"


def _listed(what: str, findings: Sequence[Finding]) -> Iterator[str]:
    """One line for all, each path once."""
    paths = list(dict.fromkeys(finding.key.path for finding in findings))
    if paths:
        more = f" and {len(paths) - _MOST_LISTED:,} more" if len(paths) > _MOST_LISTED else ""
        yield f"  {what + ':':<11} {', '.join(paths[:_MOST_LISTED])}{more}"


def _blind(noise: Sequence[Finding], pairs: int) -> Iterator[str]:
    """What the values of noisy fields might still hide."""
    needed = max((f.needed or 0 for f in noise if f.key.kind is Kind.DISTRIBUTION), default=0)
    if needed > pairs:
        size = f"{STATED_SIZE:.0%}"
        yield f"    if {size} of their values were to lie elsewhere, about {needed:,} pairs would show it"


def _latency(route: RouteJudgement) -> Iterator[str]:
    if route.quantiles_ms:
        each = (f"{whose} {' / '.join(f'{ms:.3g}' for ms in values)}" for whose, values in route.quantiles_ms.items())
        yield f"  latency     p50 / p90 / p99 in ms: {', '.join(each)}"


def _what_is_known(route: RouteJudgement) -> Iterator[str]:
    if route.detectable is None:
        yield "  too few pairs to find anything yet"
    else:
        yield f"  a difference in {100 * route.detectable:.2g} % of the answers or more would have been found"
