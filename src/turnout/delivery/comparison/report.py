"""A judgement as a plain dict: for JSON, and for whoever draws it or puts it into words."""

from __future__ import annotations

from typing import Any

from turnout.delivery.comparison.proportion import Count, interval
from turnout.delivery.comparison.tally import Example
from turnout.delivery.comparison.verdict import Finding, Judgement, RouteJudgement


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
