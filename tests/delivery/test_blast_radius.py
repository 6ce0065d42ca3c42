"""A weight moves calls; users make several each."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.blast_radius import FanOut, counted, measured

UP_TO_50 = dict.fromkeys(range(51), 10)
"""A page that makes 0 to 50 calls, each number as often as the others."""

distributions = st.dictionaries(st.integers(0, 60), st.integers(1, 1000), min_size=1)


def test_one_percent_of_the_calls_touches_a_fifth_of_the_users() -> None:
    fan_out = measured(UP_TO_50)

    assert fan_out.mean == 25
    assert fan_out.exact
    assert fan_out.touched(0.01) == pytest.approx(1 - sum(0.99**k for k in range(51)) / 51)
    assert fan_out.touched(0.01) == pytest.approx(0.214, abs=1e-3)


def test_from_counts_alone_it_is_at_most_the_bound() -> None:
    fan_out = counted(calls=2500, user_requests=100)

    assert not fan_out.exact
    assert fan_out.touched(0.01) == pytest.approx(0.222, abs=1e-3)


def test_fewer_calls_than_requests_touch_no_more_than_there_are_calls() -> None:
    assert counted(calls=10, user_requests=100).touched(1.0) == pytest.approx(0.1)
    assert counted(calls=0, user_requests=100).touched(0.5) == 0


@given(distributions, st.floats(0.0, 1.0))
def test_the_bound_is_one(distribution: dict[int, int], weight: float) -> None:
    known = measured(distribution)

    assert known.touched(weight) <= FanOut(known.mean).touched(weight) + 1e-12


@given(distributions, st.floats(0.0, 1.0), st.booleans())
def test_the_weight_for_an_impact_has_at_most_that_impact_and_no_larger_one_has(
    distribution: dict[int, int], share: float, exact: bool
) -> None:
    fan_out = measured(distribution) if exact else FanOut(measured(distribution).mean)
    weight = fan_out.weight(share)
    percent = fan_out.percent(share)

    assert fan_out.touched(weight) <= share or weight == 0
    assert weight == 1 or fan_out.touched(min(1.0, weight + 1e-6)) >= share - 1e-9
    assert percent % Decimal("0.1") == 0
    assert fan_out.touched(float(percent) / 100) <= share or percent == 0


@pytest.mark.parametrize(("share", "percent"), [(0.05, "0.2"), (0.223, "1.0"), (0.001, "0.0"), (1.0, "100.0")])
def test_the_weight_is_one_that_can_be_set(share: float, percent: str) -> None:
    assert counted(2500, 100).percent(share) == Decimal(percent)


def test_whoever_sees_one_version_only_is_touched_as_often_as_the_weight_says() -> None:
    assert FanOut(1.0).touched(0.01) == pytest.approx(0.01)
    assert FanOut(1.0).percent(0.05) == Decimal(5)


def test_calls_that_go_the_same_way_together_touch_no_more_user_requests_than_one_would() -> None:
    assert FanOut(25.0, together=True).touched(0.01) == 0.01
    assert FanOut(0.5, together=True).touched(0.01) == 0.005
    assert FanOut(5.0, {0: 80, 25: 20}, together=True).touched(0.01) == pytest.approx(0.002)
    assert FanOut(25.0, together=True).percent(0.05) == Decimal(5)
