"""Draws for rehearsals: how many of some requests go one way. Exact for few, by the normal distribution for many."""

from __future__ import annotations

from math import floor, log, sqrt
from random import Random

_MANY = 100.0
"""A variance from which on rounding a normal variate is off by less than one's own step."""
_FEW = 200


def binomial(random: Random, count: int, share: float) -> int:
    """How many of `count`, each of which happens with probability `share`."""
    if count <= 0 or share <= 0:
        return 0
    if share >= 1:
        return count
    if share > 0.5:
        return count - binomial(random, count, 1 - share)
    variance = count * share * (1 - share)
    if variance > _MANY:
        return _rounded(random, count * share, variance, 0, count)
    # From one that happens to the next one there is a geometric number of others.
    found, at, ln_not = 0, 0, log(1 - share)
    while True:
        at += floor(log(1 - random.random()) / ln_not) + 1
        if at > count:
            return found
        found += 1


def hypergeometric(random: Random, population: int, marked: int, drawn: int) -> int:
    """How many of `drawn` are marked, when they are taken from a population without being put back."""
    fewer, more = sorted((marked, drawn))
    low, high = max(0, marked + drawn - population), fewer
    if low == high:
        return low
    if fewer > _FEW:
        share = more / population
        variance = fewer * share * (1 - share) * (population - fewer) / (population - 1)
        return _rounded(random, fewer * share, variance, low, high)
    found = 0
    for taken in range(fewer):
        found += random.random() * (population - taken) < more - found
    return found


def _rounded(random: Random, mean: float, variance: float, low: int, high: int) -> int:
    return min(max(round(random.gauss(mean, sqrt(variance))), low), high)
