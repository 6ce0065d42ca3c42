"""Requests that two versions answer by chance, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random

from tests.delivery.comparison.answers import REDACTION, RULES

from turnout.delivery.comparison.difference import compare
from turnout.delivery.comparison.exchange import Exchange, Pair, Side
from turnout.delivery.comparison.expectation import Expectations
from turnout.delivery.comparison.judgement import judge
from turnout.delivery.comparison.tally import Bounds, Tally
from turnout.delivery.comparison.verdict import Judgement, Standard

Version = Callable[[Random], Exchange]
"""Answers a request by chance."""


def add(tally: Tally, stable: Exchange, copy: Exchange, side: Side = "candidate") -> None:
    pair = Pair(stable, copy, side)
    tally.add(pair, compare(pair, RULES), REDACTION)


def tallied(pairs: Iterable[Pair], bounds: Bounds | None = None) -> Tally:
    tally = Tally(bounds)
    for pair in pairs:
        tally.add(pair, compare(pair, RULES), REDACTION)
    return tally


def traffic(stable: Version, candidate: Version, count: int, *, baseline: int, seed: int = 0) -> Iterator[Pair]:
    """`count` requests, all copied to the candidate; those at the beginning to stable's second copy, too."""
    random = Random(seed)
    for number in range(count):
        key = f"{seed}-{number}"
        first = replace(stable(random), key=key)
        yield Pair(first, replace(candidate(random), key=key), "candidate")
        if number < baseline:
            yield Pair(first, replace(stable(random), key=key), "baseline")


def judged(
    stable: Version,
    candidate: Version,
    count: int,
    *,
    baseline: int,
    seed: int = 0,
    expectations: Expectations | None = None,
    standard: Standard | None = None,
) -> Judgement:
    tally = tallied(traffic(stable, candidate, count, baseline=baseline, seed=seed))
    return judge(tally, expectations or Expectations(), standard or Standard())
