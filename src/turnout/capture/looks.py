"""When to judge: at the first pairs, whenever they have doubled, and at the end."""

from __future__ import annotations

from math import log2

FIRST_PAIRS = 16


class Looks:
    """Counts them: whoever looks more often must ask for more each time (`discovery.rate_at`)."""

    def __init__(self, pairs: int = 0) -> None:
        """`pairs`: how many an earlier process had, which has looked at them already."""
        self._next_pairs = FIRST_PAIRS
        self.number = 0
        """How many there were."""
        if pairs >= FIRST_PAIRS:
            self.number = 1 + int(log2(pairs / FIRST_PAIRS))
            self._next_pairs = FIRST_PAIRS << self.number

    def is_due(self, pairs: int) -> bool:
        """Whether there are enough pairs for another one."""
        return pairs >= self._next_pairs

    def take(self, pairs: int) -> int:
        """Look now. Which one it is, from 1."""
        self.number += 1
        while self._next_pairs <= pairs:
            self._next_pairs *= 2
        return self.number
