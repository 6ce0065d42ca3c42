"""Prometheus' wide buckets as narrow ones, among which quantiles are told: as if what lies in one lay evenly there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import floor, inf
from typing import Final

from turnout.telemetry.histogram import Bucket

MICROSECONDS: Final = 1000.0
"""In a millisecond: the one is shown, the other kept."""
STEP: Final = 1.1
"""From one narrow bucket's edge to the next, as with Envoy's own."""
FIRST_MS: Final = 0.05


def spread(at_most: Mapping[float, float]) -> dict[Bucket, int]:
    """`at_most`: bound in milliseconds → how many took no longer. What exceeds every bound is put at the last."""
    bounds = sorted(at_most)
    found: dict[Bucket, int] = {}
    for low, high in pairwise([0.0, *bounds]):
        count = at_most[high] - at_most.get(low, 0.0)
        if count <= 0:
            continue
        edges = list(_edges(low, high)) if high < inf else [low, low * STEP]
        for bucket, part in _parts(edges, count):
            found[bucket] = found.get(bucket, 0) + part
    return found


def _edges(low: float, high: float) -> Iterator[float]:
    yield low
    at = max(low * STEP, FIRST_MS)
    while at < high:
        yield at
        at *= STEP
    yield high


def _parts(edges: list[float], count: float) -> Iterator[tuple[Bucket, int]]:
    """Whole numbers that add up, in proportion to the widths."""
    width, done, whole = edges[-1] - edges[0], 0, round(count)
    for low, high in pairwise(edges):
        until = whole if high == edges[-1] else floor(whole * (high - edges[0]) / width)
        if until > done:
            yield (low * MICROSECONDS, (high - low) * MICROSECONDS), until - done
        done = until
