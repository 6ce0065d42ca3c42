"""Things in a row that keep their distance, each as near to where it wants to be as the others allow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def spread(wanted: Sequence[float], distances: Sequence[float]) -> list[float]:
    """Positions in the order of `wanted`, the next at least its distance behind; the sum of squares is the least.

    `distances` has one less than `wanted`. Without the distances this is isotonic regression, solved by pooling
    neighbours that violate the order (Ayer and others, 1955).
    """
    offsets = [0.0, *accumulate(distances)] if wanted else []
    pools: list[tuple[float, int]] = []  # their mean and their number
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while pools and pools[-1][0] >= mean:
            other, others = pools.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]
