"""The `series` view as lines to be drawn: one per version, on one grid of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Answer = Mapping[str, Any]
COLOURS = 6
"""`--series-1` to `--series-6` in the design."""


@dataclass(frozen=True, slots=True)
class Strand:
    """One version's traffic. `colour`: the number of its colour, None for requests that nobody answered.

    `points`: as in the view, by the second at which they begin; `times` of `History` says which there are in all.
    """

    key: str
    called: str
    colour: int | None
    copies: bool
    points: Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class History:
    """`times`: when the steps begin, in seconds (unix); `begin` and `end`: the window; `marks`: what changed when."""

    begin: float
    end: float
    times: Sequence[int]
    strands: Sequence[Strand]
    marks: Sequence[Mapping[str, Any]]


def history(answer: Answer, seconds: float) -> History:
    """Whole steps only: the one that has just begun would look like a fall."""
    step, end = int(answer["step"]), float(answer["at"])
    versions = sorted(answer["versions"], key=_order)
    colours = _colours(versions)
    strands = [
        Strand(
            key=key(version),
            called=called(version),
            colour=colours.get(_name(version)),
            copies=version["mirrored"],
            points={int(point["at"]): point for point in version["points"] if point["at"] + step <= end},
        )
        for version in versions
    ]
    known = [at for strand in strands for at in strand.points]
    times = range(min(known), max(known) + step, step) if known else range(0)
    return History(end - seconds, end, list(times), strands, answer["marks"])


def key(version: Answer) -> str:
    """One of a kind."""
    return "|".join(
        (version["workload"], version["version"], version["subset"], "copies" if version["mirrored"] else "")
    )


def called(version: Answer) -> str:
    """`v2`, `v2 (copies)`, `no answer`."""
    return f"{_name(version)} (copies)" if version["mirrored"] else _name(version)


def _name(version: Answer) -> str:
    if not version["workload"]:
        return "no answer"
    revision = version["version"]
    return str(revision if revision not in {"", "latest"} else version["subset"] or version["workload"])


def _order(version: Answer) -> tuple[Any, ...]:
    return (version["mirrored"], not version["workload"], version["version"], version["workload"], version["subset"])


def _colours(versions: Iterable[Answer]) -> dict[str, int]:
    """A version and its copies have one colour."""
    names = sorted({_name(version) for version in versions if version["workload"]})
    return {name: at % COLOURS + 1 for at, name in enumerate(names)}


def values(strand: Strand, times: Sequence[int], figure: str) -> list[list[float | None]]:
    """Milliseconds (unix) and the figure; a rate where nothing came is 0, anything else is a gap."""
    nothing = 0.0 if figure == "rate" else None
    return [[at * 1000, strand.points[at][figure] if at in strand.points else nothing] for at in times]
