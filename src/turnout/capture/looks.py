"""When to judge: at the first pairs, whenever they have doubled, and at the end."""

from __future__ import annotations

from math import log2

FIRST_PAIRS = 16
LAST_GROWTH = 1.25
"""A last look at hardly more than the one before could only be less sure: it has to ask for more."""


class Looks:
    """Counts them: whoever looks more often must ask for more each time (`discovery.rate_at`)."""

    def __init__(self, pairs: int = 0) -> None:
        """`pairs`: how many an earlier process had, which has looked at them already."""
        self._next_pairs = FIRST_PAIRS
        self._seen_pairs = 0
        self.number = 0
        """How many there were."""
        if pairs >= FIRST_PAIRS:
            self.number = 1 + int(log2(pairs / FIRST_PAIRS))
            self._next_pairs = FIRST_PAIRS << self.number

    def is_due(self, pairs: int) -> bool:
        """Whether there are enough pairs for another one."""
        return pairs >= self._next_pairs

    def is_worth_it(self, pairs: int) -> bool:
        """Whether a last one would see much that the others have not."""
        return self.number == 0 or pairs >= LAST_GROWTH * self._seen_pairs

    def take(self, pairs: int) -> int:
        """Look now. Which one it is, from 1."""
        self.number += 1
        self._seen_pairs = pairs
        while self._next_pairs <= pairs:
            self._next_pairs *= 2
        return self.number
