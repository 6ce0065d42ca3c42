"""What happened from look to look within the last minute, and all of it together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from turnout.telemetry.series import Series
from turnout.telemetry.traffic import Traffic

SPACING_SECONDS = 0.5
"""Looks that follow each other closer make one step: however often one looks, the window stays as wide."""


@dataclass(slots=True)
class Step:
    """What happened from one look to a later one."""

    began: float
    ended: float
    traffic: dict[Series, Traffic]


class Steps:
    """The last ones, of (about) `seconds` together.

    What is asked for most, all of them together, is kept: with hundreds of series, to add sixty steps up takes longer
    than everything else that a graph needs.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._steps: deque[Step] = deque()
        self._whole: dict[Series, Traffic] = {}

    def add(self, step: Step) -> None:
        """The next one. It is not to be changed any more."""
        last = self._steps[-1] if self._steps else None
        if last is not None and last.ended - last.began < SPACING_SECONDS:
            self._steps[-1] = Step(last.began, step.ended, _together([last, step]))
        else:
            self._steps.append(step)
        _add(self._whole, step.traffic)
        while len(self._steps) > 1 and step.ended - self._steps[0].began > self._seconds:
            self._take_away(self._steps.popleft().traffic)

    def _take_away(self, traffic: Mapping[Series, Traffic]) -> None:
        for series, part in traffic.items():
            whole = self._whole[series]
            whole.take_away(part)
            if not (whole.requests or whole.durations or whole.request_bytes or whole.response_bytes):
                del self._whole[series]

    def within(self, seconds: float) -> dict[Series, Traffic]:
        """What each series did in the last `seconds`, or in all that are kept; what did nothing is not in it."""
        if not self._steps:
            return {}
        ended = self._steps[-1].ended
        steps = [step for step in self._steps if ended - step.began <= seconds] or [self._steps[-1]]
        found = self._whole if len(steps) == len(self._steps) else _together(steps)
        looked = ended - steps[0].began
        return {series: traffic.within(looked) for series, traffic in found.items()}


def _together(steps: Iterable[Step]) -> dict[Series, Traffic]:
    """One step after the other."""
    found: dict[Series, Traffic] = {}
    for step in steps:
        _add(found, step.traffic)
    return found


def _add(whole: dict[Series, Traffic], traffic: Mapping[Series, Traffic]) -> None:
    for series, part in traffic.items():
        if series not in whole:
            whole[series] = Traffic()
        whole[series].add(part)
