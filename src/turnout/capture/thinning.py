"""Fewer requests where there are too many: a batch that is full at once loses all that comes before the next one.

By the request's id, so that an answer and its copies stay together. The digits are others than those of a sample.
"""

from __future__ import annotations

MOST_STEPS = 8
"""1/256 of what the sample has."""
FIRST_STEPS = 4
"""Until it is known how many there are: torn pairs at the beginning would be the worst part of a short comparison."""
_CROWDED_SECONDS = 0.1
_QUIET_SECONDS = 0.22
"""More than twice the other: who captures twice as much must not have to go back at once."""
_NEXT_TO_NOTHING = 2.0
"""Batches in a second: four times as many would not be too many."""


class Thinning:
    """What part of the sample is captured: all, a half, a quarter and so on."""

    def __init__(self) -> None:
        self._steps = FIRST_STEPS

    @property
    def share(self) -> float:
        """0 to 1."""
        return 1.0 / (1 << self._steps)

    @property
    def regex(self) -> str | None:
        """What an id has to match besides the sample's own: of its third and fourth digit. None: anything."""
        if not self._steps:
            return None
        first, second = min(self._steps, 4), max(0, self._steps - 4)
        return f"..{_digits(first)}{_digits(second)}.*"

    def heed(self, batch_seconds: float, filled: float) -> None:
        """How long the last batch took, and how full it was, 0 to 1."""
        per_second = filled / max(batch_seconds, 1e-3)
        if filled >= 1 and batch_seconds < _CROWDED_SECONDS:
            self._steps = min(self._steps + 1, MOST_STEPS)
        elif per_second < 1 / _QUIET_SECONDS:
            self._steps = max(self._steps - (2 if per_second < _NEXT_TO_NOTHING else 1), 0)


def _digits(halvings: int) -> str:
    """The first half, quarter, … of the hexadecimal digits."""
    last = (16 >> halvings) - 1
    return f"[{''.join('0123456789abcdef'[: last + 1])}]"
