"""The binomial's tails, against sums of exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.binomial import agrees, at_least, at_most, beta_quantile, incomplete_beta, interval

shares = st.floats(0.0, 1.0, allow_subnormal=False)


def upper_tail(count: int, total: int, share: float) -> float:
    p = Fraction(share)
    return float(sum(comb(total, k) * p**k * (1 - p) ** (total - k) for k in range(count, total + 1)))


@st.composite
def seen(draw: st.DrawFn, most: int = 40) -> tuple[int, int]:
    total = draw(st.integers(1, most))
    return draw(st.integers(0, total)), total


@given(seen(), shares)
def test_tails_are_the_sums_of_their_terms(count_of_total: tuple[int, int], share: float) -> None:
    count, total = count_of_total

    assert at_least(count, total, share) == pytest.approx(upper_tail(count, total, share), abs=1e-12)
    assert at_most(count, total, share) == pytest.approx(1 - upper_tail(count + 1, total, share), abs=1e-12)


@given(st.floats(0.01, 1000.0), st.floats(0.01, 1000.0), st.integers(0, 1024).map(lambda k: k / 1024))
def test_the_incomplete_beta_function_is_its_own_mirror_image_and_never_leaves_0_to_1(
    a: float, b: float, x: float
) -> None:
    value = incomplete_beta(x, a, b)

    assert -1e-12 <= value <= 1 + 1e-12
    assert value == pytest.approx(1 - incomplete_beta(1 - x, b, a), abs=1e-9)


@pytest.mark.parametrize(
    ("x", "a", "b", "value"),
    [
        (0.3, 1.0, 1.0, 0.3),
        (0.25, 2.0, 1.0, 0.0625),
        (0.5, 0.5, 0.5, 0.5),
        (0.1, 2.0, 3.0, 0.0523),
        (0.001, 0.5, 100.0, 0.344_956_483_667_6),
        (0.5, 20_000.0, 20_000.0, 0.5),
        (0.0011, 1001.0, 999_000.0, 0.998_831_133_595),
    ],
)
def test_known_values(x: float, a: float, b: float, value: float) -> None:
    assert incomplete_beta(x, a, b) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (0, 10, 0.0, 1 - 0.025**0.1),
        (10, 10, 0.025**0.1, 1.0),
        (3, 10, 0.066_739_511_177, 0.652_452_850_060),
        (0, 0, 0.0, 1.0),
        (2000, 2_000_000, 0.000_956_669_857, 0.001_044_785_306),
    ],
)
def test_known_intervals(count: int, total: int, low: float, high: float) -> None:
    assert interval(count, total, 0.95) == pytest.approx((low, high), rel=1e-6)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.37, 0.5, 0.9])
def test_an_interval_covers_at_least_as_often_as_it_says(share: float) -> None:
    total = 30
    covered = 0.0
    for count in range(total + 1):
        low, high = interval(count, total, 0.95)
        covered += comb(total, count) * share**count * (1 - share) ** (total - count) * (low <= share <= high)

    assert covered >= 0.95


@given(seen(200), shares, shares)
def test_agreement_is_that_the_interval_meets_the_range(
    count_of_total: tuple[int, int], one: float, other: float
) -> None:
    count, total = count_of_total
    low, high = sorted((one, other))
    bounds = interval(count, total, 0.99)
    if min(abs(bounds[0] - high), abs(bounds[1] - low)) > 1e-9:
        assert agrees(count, total, low, high, 0.99) == (bounds[0] <= high and low <= bounds[1])


@given(st.floats(0.001, 0.999), st.floats(0.5, 500.0), st.floats(0.5, 500.0))
def test_a_quantile_is_where_the_function_reaches_its_probability(probability: float, a: float, b: float) -> None:
    assert incomplete_beta(beta_quantile(probability, a, b), a, b) == pytest.approx(probability, abs=1e-9)
