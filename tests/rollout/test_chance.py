"""Draws have the means and variances of their distributions, the few as well as the many."""

from __future__ import annotations

from random import Random
from statistics import fmean, pvariance

import pytest

from turnout.rollout.chance import binomial, hypergeometric

DRAWS = 4000


@pytest.mark.parametrize(
    ("count", "share"), [(7, 0.3), (100, 0.01), (1000, 0.005), (50, 0.9), (5000, 0.5), (3000, 0.2)]
)
def test_binomial_draws_are_right_on_average_and_in_spread(count: int, share: float) -> None:
    random = Random(1)
    drawn = [binomial(random, count, share) for _ in range(DRAWS)]
    assert all(0 <= number <= count for number in drawn)
    spread = count * share * (1 - share)
    assert fmean(drawn) == pytest.approx(count * share, abs=5 * (spread / DRAWS) ** 0.5)
    assert pvariance(drawn) == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(
    ("population", "marked", "drawn"), [(10, 3, 4), (1000, 10, 50), (1000, 500, 20), (5000, 2500, 2000), (300, 300, 7)]
)
def test_hypergeometric_draws_are_right_on_average_and_in_spread(population: int, marked: int, drawn: int) -> None:
    random = Random(1)
    found = [hypergeometric(random, population, marked, drawn) for _ in range(DRAWS)]
    assert all(max(0, marked + drawn - population) <= number <= min(marked, drawn) for number in found)
    share = marked / population
    spread = drawn * share * (1 - share) * (population - drawn) / (population - 1)
    assert fmean(found) == pytest.approx(drawn * share, abs=5 * (spread / DRAWS) ** 0.5 + 1e-9)
    assert pvariance(found) == pytest.approx(spread, rel=0.15, abs=1e-9)


def test_nothing_and_all_are_certain() -> None:
    random = Random(1)
    assert [binomial(random, 0, 0.5), binomial(random, 9, 0.0), binomial(random, 9, 1.0)] == [0, 0, 9]
    assert [hypergeometric(random, 9, 0, 5), hypergeometric(random, 9, 9, 5), hypergeometric(random, 9, 4, 9)] == [
        0,
        5,
        4,
    ]
