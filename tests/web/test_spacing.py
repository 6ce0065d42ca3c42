"""Things in a row that keep their distance."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from turnout.web.spacing import spread


def test_who_has_room_stands_where_it_wants_to() -> None:
    assert spread([0.0, 10.0, 30.0], [5.0, 5.0]) == [0.0, 10.0, 30.0]


def test_two_that_want_the_same_place_both_give_way() -> None:
    assert spread([10.0, 10.0], [4.0]) == [8.0, 12.0]


def test_those_that_cannot_swap_meet_in_the_middle() -> None:
    assert spread([20.0, 0.0], [10.0]) == [5.0, 15.0]


def test_nobody_and_one_are_easy() -> None:
    assert spread([], []) == []
    assert spread([3.0], []) == [3.0]


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(0, 100)), min_size=1, max_size=30))
def test_the_order_and_the_distances_are_kept(things: list[tuple[float, float]]) -> None:
    distances = [distance for _, distance in things[1:]]
    found = spread([want for want, _ in things], distances)
    gaps = [right - left for left, right in pairwise(found)]
    assert all(gap >= distance - 1e-6 for gap, distance in zip(gaps, distances, strict=True))
