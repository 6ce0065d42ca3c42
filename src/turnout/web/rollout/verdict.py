"""What guards say, in the words of the page. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.web.figure import UNKNOWN, count, points, share
from turnout.web.rollout.story import Shown, sentence


@dataclass(frozen=True, slots=True)
class Told:
    """One guard of the present step. `tone`: a CSS class."""

    name: str
    called: str
    tone: str
    words: str
    bounds: str


_VERDICTS = {"worse": ("worse", "bad"), "fine": ("fine", "good"), "open": ("not sure yet", "")}


def told(verdict: Shown) -> Told:
    """What it says, and between which bounds the increase lies."""
    name = str(verdict["guard"])
    called, tone = _VERDICTS[verdict["kind"]]
    words = str(verdict.get("words") or "").removeprefix(f"{name}: ").removeprefix(f"{verdict['kind']}, ")
    return Told(name, called, tone, sentence(words), bounds(verdict))


def bounds(verdict: Shown) -> str:
    """`increase +0.23 points, between -0.1 and +0.8; tolerated +1`."""
    if verdict.get("increase") is None:
        return ""
    tolerated = f"tolerated {points(verdict['tolerance'])}" if verdict.get("tolerance") is not None else ""
    low, high = points(verdict["low"]), points(verdict["high"])
    words = f"increase {points(verdict['increase'])} points, between {low} and {high}"
    return f"{words}; {tolerated}" if tolerated else words


def evidence(verdict: Shown) -> tuple[str, ...]:
    """A row: guard, verdict, candidate, stable, increase with its bounds, tolerance."""
    increase, compared = UNKNOWN, verdict.get("increase") is None
    if verdict.get("increase") is not None:
        increase = f"{points(verdict['increase'])} ({points(verdict['low'])} to {points(verdict['high'])})"
    return (
        str(verdict["guard"]),
        _VERDICTS[verdict["kind"]][0],
        _stream(verdict.get("candidate"), compared=compared),
        _stream(verdict.get("stable"), compared=compared),
        increase,
        points(verdict["tolerance"]) if verdict.get("tolerance") is not None else UNKNOWN,
    )


def _stream(stream: Shown | None, *, compared: bool) -> str:
    if not stream or not stream.get("total"):
        return UNKNOWN
    if compared:
        return f"{count(stream['total'])} pairs"
    return f"{count(stream['bad'])} of {count(stream['total'])} ({share(stream['bad'] / stream['total'])})"
