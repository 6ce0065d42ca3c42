"""Fewer requests where there are too many: a batch that is full at once loses all that comes before the next one.

Who is left out is not copied either: what nobody looks at shall cost nobody anything.
"""

from __future__ import annotations

PERCENTS = (100, 50, 25, 12, 6, 3, 2, 1)
"""Of the sample. Whole ones: Envoy throws one die for a request, and weights of a hundred must not depend on these."""
FIRST = PERCENTS.index(6)
"""Until it is known how many there are: torn pairs at the beginning would be the worst part of a short comparison."""
_ENOUGH_BATCHES = 3.0
_ENOUGH_SECONDS = 1.0
"""To know how many come: small batches are full sooner or later by chance."""
_QUIET = 0.45
"""Of the most. Less than half: who captures twice as much must not have to go back at once."""
_NEXT_TO_NOTHING = 0.2
"""Of the most: four times as much would not be too much."""


class Thinning:
    """What part of the sample is copied and captured."""

    def __init__(self, most_batches: float) -> None:
        """`most_batches`: full ones, in a second."""
        self._most_batches = most_batches
        self._step = FIRST
        self._seconds = 0.0
        self._batches = 0.0

    @property
    def percent(self) -> int:
        """Of the sample: one of PERCENTS."""
        return PERCENTS[self._step]

    def heed(self, batch_seconds: float, filled: float) -> None:
        """How long the last batch took, and how full it was, 0 to 1."""
        self._seconds += max(batch_seconds, 1e-3)
        self._batches += filled
        if self._batches >= _ENOUGH_BATCHES or self._seconds >= _ENOUGH_SECONDS:
            self._decide(self._batches / self._seconds / self._most_batches)
            self._seconds = self._batches = 0.0

    def _decide(self, load: float) -> None:
        """By batches in a second, of the most."""
        if load > 1:
            self._step = min(self._step + 1, len(PERCENTS) - 1)
        elif load < _QUIET:
            self._step = max(self._step - (2 if load < _NEXT_TO_NOTHING else 1), 0)
