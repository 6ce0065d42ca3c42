"""Two versions' totals side by side, and by how much the second differs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from turnout.web.figure import UNKNOWN, count, milliseconds, share, size
from turnout.web.table import Cell, Row

Totals = Mapping[str, Any]
"""A point of the `series` view that covers the whole window."""


def together(points: Sequence[Totals]) -> Totals | None:
    """The steps of a window as one; where it was cut in two, the quantiles are those of the part with more requests."""
    if not points:
        return None
    most = max(points, key=lambda point: int(point["requests"]))
    sums = {name: sum(point[name] for point in points) for name in ("requests", "errors", "response_bytes")}
    return {**most, **sums}


def rows(one: Totals, other: Totals) -> Iterator[Row]:
    """What it is, one, the other, and the difference."""
    yield "Requests", count(one["requests"]), count(other["requests"]), _percent(one["requests"], other["requests"])
    good = [_success(totals) for totals in (one, other)]
    yield "Success", *(UNKNOWN if part is None else share(part) for part in good), _points(*good)
    for quantile in ("p50", "p90", "p99"):
        pair = one[f"{quantile}_ms"], other[f"{quantile}_ms"]
        yield quantile, milliseconds(pair[0]), milliseconds(pair[1]), _worse(*pair)
    sizes = [_each(totals) for totals in (one, other)]
    yield "Size of an answer", *(UNKNOWN if each is None else size(each) for each in sizes), _percent(*sizes)


def _success(totals: Totals) -> float | None:
    return 1 - totals["errors"] / totals["requests"] if totals["requests"] else None


def _each(totals: Totals) -> float | None:
    return totals["response_bytes"] / totals["requests"] if totals["requests"] else None


def _points(one: float | None, other: float | None) -> Cell:
    if one is None or other is None:
        return Cell(UNKNOWN, "muted")
    points = (other - one) * 100
    return _toned(f"{points:+.2f} points" if abs(points) >= 0.005 else "same", -points, 0.1)


def _percent(one: float | None, other: float | None) -> str:
    if not one or other is None:
        return UNKNOWN
    percent = (other / one - 1) * 100
    return f"{percent:+.1f} %" if abs(percent) >= 0.05 else "same"


def _worse(one: float | None, other: float | None) -> Cell:
    if not one or other is None:
        return Cell(UNKNOWN, "muted")
    percent = (other / one - 1) * 100
    return _toned(f"{percent:+.1f} %", percent, 10.0)


def _toned(text: str, worse: float, matters: float) -> Cell:
    """Small differences have no colour."""
    return Cell(text, "bad" if worse > matters else "good" if worse < -matters else "")
