"""What a report holds, in the words that the terminal and the dashboard share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

KINDS = {
    "missing": "is missing",
    "extra": "is new",
    "type": "is of another type",
    "value": "has another value",
    "order": "is in another order",
    "length": "is of another length",
    "distribution": "is random, but distributed otherwise",
    "failed": "fails",
    "malformed": "is no JSON",
    "unanswered": "never came",
    "cut": "is cut off",
    "truncated": "is too large to compare",
    "slower": "is slower",
    "faster": "is faster",
}
"""By `Kind`: what is said after a field's path."""
LATENCY = "latency"
"""The path of findings about how long answers took; a quantile may follow it."""


def kind(field: Json) -> str:
    """In what way a field of a report differs; a kind of a later Turnout says its own name."""
    return KINDS.get(field["kind"], str(field["kind"]))


def by_chance(adjusted_p: float) -> str:
    """`p = 0.002`."""
    return f"p = {adjusted_p:.1g}" if adjusted_p > 1e-9 else "p < 1e-9"


def interval(counted: Json) -> str:
    """Of a share, 0 to 1: `3.7 to 6.4 %`."""
    low, high = (f"{100 * counted[name]:.3g}" for name in ("low", "high"))
    return f"{low} to {high} %"


def examples(field: Json) -> list[Json]:
    """A field's pairs of answers; those that tell the same are one."""
    shown = ("request", "at", "stable", "candidate")
    found: dict[tuple[Any, ...], Json] = {}
    for each in field["examples"]:
        found.setdefault(tuple(each[name] for name in shown), each)
    return list(found.values())
