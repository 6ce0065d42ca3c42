"""Fewer requests where there are too many: a batch that is full at once loses all that comes before the next one.

Who is left out is not copied either: what nobody looks at shall cost nobody anything.
"""

from __future__ import annotations

MOST_STEPS = 8
"""1/256 of what the sample has."""
FIRST_STEPS = 4
"""Until it is known how many there are: torn pairs at the beginning would be the worst part of a short comparison."""
_QUIET = 0.45
"""Of the most. Less than half: who captures twice as much must not have to go back at once."""
_NEXT_TO_NOTHING = 0.2
"""Of the most: four times as much would not be too much."""


class Thinning:
    """What part of the sample is copied and captured: all, a half, a quarter and so on."""

    def __init__(self, most_batches: float) -> None:
        """`most_batches`: full ones, in a second."""
        self._most_batches = most_batches
        self._steps = FIRST_STEPS

    @property
    def share(self) -> float:
        """0 to 1."""
        return 1.0 / (1 << self._steps)

    def heed(self, batch_seconds: float, filled: float) -> None:
        """How long the last batch took, and how full it was, 0 to 1."""
        batches = filled / max(batch_seconds, 1e-3)
        if filled >= 1 and batches > self._most_batches:
            self._steps = min(self._steps + 1, MOST_STEPS)
        elif batches < _QUIET * self._most_batches:
            self._steps = max(self._steps - (2 if batches < _NEXT_TO_NOTHING * self._most_batches else 1), 0)
