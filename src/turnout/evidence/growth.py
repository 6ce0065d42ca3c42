"""By how much a Prometheus' counters grew between two moments, from their raw samples.

`increase()` extrapolates to the edges of its range, which makes evidence of requests that nobody sent; sums of counters
fall when a pod goes, which hides what others counted. Here each series is looked at by itself: what it held last before
the first moment, and each sample up to the second. A fall is a restart from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from turnout.error import EvidenceFailed

Labels = Mapping[str, str]
Ask = Callable[[str, float | None], Mapping[str, Any]]
"""A query in PromQL, and of which moment (unix seconds; None: now) → the `data` of Prometheus' answer."""

BEFORE = "1h"
"""So long ago a series may have been seen last: one that comes back later is taken for a new one."""


@dataclass(frozen=True, slots=True)
class Grown:
    """One series, and by how much it grew."""

    labels: Labels
    by: int


def grown(ask: Ask, selector: str, since: float, until: float) -> list[Grown]:
    """All series that `selector` names; none while nothing was known before `since`. Raises EvidenceFailed.

    A series that was not there before began at 0, as that of the first error does; but of none is that known when
    Prometheus knew nothing at all: it may have lost what it knew.
    """
    before = {_key(labels): value for labels, value in _last(ask(f"last_over_time({selector}[{BEFORE}])", since))}
    if not before or until <= since:
        return []
    milliseconds = round(1000 * (until - since))
    later = _samples(ask(f"{selector}[{milliseconds}ms]", until))
    return [
        Grown(labels, round(_growth(before.get(_key(labels), 0.0), [v for at, v in samples if since < at <= until])))
        for labels, samples in later
    ]


def now(ask: Ask) -> float:
    """Prometheus' own clock, in unix seconds. Raises EvidenceFailed."""
    data = ask("time()", None)
    try:
        return float(data["result"][1])
    except (LookupError, TypeError, ValueError) as error:
        raise EvidenceFailed("Prometheus does not tell the time", "is it a Prometheus?") from error


def _growth(before: float, values: list[float]) -> float:
    growth = 0.0
    for value in values:
        growth += value - before if value >= before else value
        before = value
    return growth


def _key(labels: Labels) -> frozenset[tuple[str, str]]:
    """A function of a range drops the metric's name."""
    return frozenset((name, value) for name, value in labels.items() if name != "__name__")


def _last(data: Mapping[str, Any]) -> Iterator[tuple[Labels, float]]:
    for labels, samples in _series(data, "value"):
        yield labels, samples[-1][1]


def _samples(data: Mapping[str, Any]) -> Iterator[tuple[Labels, list[tuple[float, float]]]]:
    yield from _series(data, "values")


def _series(data: Mapping[str, Any], field: str) -> Iterator[tuple[Labels, list[tuple[float, float]]]]:
    try:
        for series in data["result"]:
            pairs = [series[field]] if field == "value" else series[field]
            samples = [(float(at), float(value)) for at, value in pairs]
            if samples and all(isfinite(value) for _, value in samples):
                yield series["metric"], samples
    except (LookupError, TypeError, ValueError) as error:
        raise EvidenceFailed("Prometheus answers in an unknown way", "is it a Prometheus?") from error
