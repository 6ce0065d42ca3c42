"""How sure a guard has become: its interval at each look, as a picture in percents of its frame. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import asinh
from typing import Any

MOST_LOOKS = 100
"""That are drawn: a curve of more looks the same."""
REACHES = (2, 4, 8, 16, 32, 64)
"""How far the frame reaches from zero, in tolerances: in such steps, so that it does not move with every look."""
_ROOM = 1.15


@dataclass(frozen=True, slots=True)
class Look:
    """Of one guard, at `at` (unix): the increase as it seemed, and between which bounds it lay. Shares."""

    at: float
    increase: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Picture:
    """`band` and `line`: SVG paths in a frame of 100 by 100, y downwards. The others are y, too.

    `reach`: what the frame's upper edge means, as a share; its lower edge is as much below zero.
    """

    reach: float
    tolerance: float
    band: str = ""
    line: str = ""
    low: float | None = None
    high: float | None = None
    point: float | None = None


def of_guard(looks: Iterable[Mapping[str, Any]], guard: str, steps: Iterable[int]) -> list[Look]:
    """Those of one guard within the given steps; looks without traffic show nothing."""
    wanted = set(steps)
    return [
        Look(look["at"], verdict["increase"], verdict["low"], verdict["high"])
        for look in looks
        if look["step"] in wanted
        for verdict in look["verdicts"]
        if verdict["guard"] == guard and verdict.get("increase") is not None
    ]


def judged_steps(steps: Sequence[Mapping[str, Any]], here: int) -> range:
    """The present step, and, while it is a pause, back to the one whose guards it asks."""
    begin = min(here, max(0, len(steps) - 1))
    while begin > 0 and steps[begin]["kind"] == "pause":
        begin -= 1
    return range(begin, here + 1)


def thinned(looks: Sequence[Look], most: int = MOST_LOOKS) -> list[Look]:
    """The last of each stretch of time: those that are drawn stay the same while others come."""
    if len(looks) <= most:
        return list(looks)
    span, width = looks[-1].at - looks[0].at, 1.0
    while span / width >= most:
        width *= 2
    return list({int(look.at // width): look for look in looks}.values())


def picture(looks: Sequence[Look], tolerance: float) -> Picture:
    """On a scale that is even around zero and logarithmic far from it.

    So it has room for all that is thought possible at first, and the tolerance's line stays apart from zero.
    """
    drawn = thinned(looks)
    reach = _reach(drawn[-1:], tolerance)

    def y(share: float) -> float:
        part = asinh(share / tolerance) / asinh(reach / tolerance)
        return round(min(100.0, max(0.0, 50 - 50 * part)), 2)

    if not drawn:
        return Picture(reach, y(tolerance))
    begin, span = drawn[0].at, max(drawn[-1].at - drawn[0].at, 1e-9)
    xs = [round(100 * (look.at - begin) / span, 2) for look in drawn] if len(drawn) > 1 else [100.0]
    upper = [f"{x:g} {y(look.high):g}" for x, look in zip(xs, drawn, strict=True)]
    lower = [f"{x:g} {y(look.low):g}" for x, look in zip(xs, drawn, strict=True)]
    middle = [f"{x:g} {y(look.increase):g}" for x, look in zip(xs, drawn, strict=True)]
    last = drawn[-1]
    return Picture(
        reach,
        y(tolerance),
        band=f"M{'L'.join([*upper, *reversed(lower)])}Z",
        line=f"M{'L'.join(middle)}",
        low=y(last.low),
        high=y(last.high),
        point=y(last.increase),
    )


def _reach(last: Sequence[Look], tolerance: float) -> float:
    """So far that the present bounds are within it; further than all or nothing there is nothing."""
    wanted = max((max(abs(look.low), abs(look.high)) * _ROOM for look in last), default=0.0)
    found = next((tolerance * times for times in REACHES if tolerance * times >= wanted), 1.0)
    return min(1.0, found)
