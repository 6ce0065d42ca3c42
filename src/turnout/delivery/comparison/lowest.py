"""A sample by lot: of everything that came by, what ranks lowest. It is the same in any order, and merged or not."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from hashlib import blake2b
from typing import Generic, TypeVar

E = TypeVar("E")


def lot(text: str) -> int:
    """A rank that a text draws: evenly spread, and always the same for it."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


class Lowest(Generic[E]):
    """At most `most` entries, by rank; of equal ranks, by how they are written."""

    __slots__ = ("_heap", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self._heap: list[tuple[int, str, E]] = []  # ranks negated: the highest, which goes first, is at the top

    def takes(self, rank: int) -> bool:
        """Whether an entry of this rank would be kept now: making it may be dear."""
        return len(self._heap) < self.most or (self.most > 0 and -rank >= self._heap[0][0])

    def add(self, rank: int, entry: E) -> None:
        """Keep it, if it is among the lowest."""
        if not self.takes(rank):
            return
        if len(self._heap) < self.most:
            heapq.heappush(self._heap, (-rank, repr(entry), entry))
        else:
            heapq.heappushpop(self._heap, (-rank, repr(entry), entry))

    def merge(self, other: Lowest[E]) -> None:
        """As if all had been added here."""
        for rank, entry in other.items():
            self.add(rank, entry)

    def items(self) -> list[tuple[int, E]]:
        """(rank, entry), lowest first."""
        return [(-negated, entry) for negated, _, entry in sorted(self._heap, key=lambda item: (-item[0], item[1]))]

    def __iter__(self) -> Iterator[E]:
        return (entry for _, entry in self.items())

    def __len__(self) -> int:
        return len(self._heap)
