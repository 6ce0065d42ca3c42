"""What is wanted and not yet confirmed: sliders of a route total 100, and what nobody touched follows what is live."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from turnout.web.draft import Copies, Mirror, Weights


def weights(*percents: float | str) -> Weights:
    return Weights([Decimal(str(percent)) for percent in percents])


def wanted(draft: Weights) -> list[float]:
    return [float(percent) for percent in draft.wanted]


def test_the_others_share_the_rest_in_the_proportion_they_have() -> None:
    draft = weights(60, 30, 10)
    draft.move(0, Decimal(20))
    assert wanted(draft) == [20, 60, 20]


def test_a_slider_that_comes_back_brings_the_others_back() -> None:
    draft = weights(60, 30, 10)
    for percent in (100, 0, 60):
        draft.move(0, Decimal(percent))
    assert wanted(draft) == [60, 30, 10]
    assert not draft.changed


def test_what_was_moved_before_stays_while_another_can_take_the_difference() -> None:
    draft = weights(100, 0, 0)
    draft.move(0, Decimal(50))
    draft.move(1, Decimal(30))
    assert wanted(draft) == [50, 30, 20]


def test_the_one_moved_longest_ago_gives_way_when_there_is_no_room() -> None:
    draft = weights(100, 0, 0)
    draft.move(0, Decimal(50))
    draft.move(1, Decimal(30))
    draft.move(2, Decimal(60))
    assert wanted(draft) == [10, 30, 60]


def test_fractions_of_a_percent_are_kept() -> None:
    draft = weights(100, 0)
    draft.move(1, Decimal("0.1"))
    assert wanted(draft) == [99.9, 0.1]


@given(st.lists(st.integers(0, 100), min_size=2, max_size=6), st.data())
def test_sliders_always_total_100(shares: list[int], data: st.DataObject) -> None:
    draft = Weights([Decimal(share) for share in shares])
    moves = st.tuples(st.integers(0, len(shares) - 1), st.decimals(0, 100, places=3))
    for at, percent in data.draw(st.lists(moves, min_size=1, max_size=8)):
        draft.move(at, percent)
        assert sum(draft.wanted) == 100
        assert draft.wanted[at] == percent
        assert all(0 <= other <= 100 for other in draft.wanted)


def test_what_nobody_touched_follows() -> None:
    draft = weights(100, 0)
    draft.follow([Decimal(70), Decimal(30)])
    assert wanted(draft) == [70, 30]
    assert not draft.overtaken


def test_what_somebody_moved_stays_when_others_change_the_route_and_says_so() -> None:
    draft = weights(100, 0)
    draft.move(1, Decimal(50))
    draft.follow([Decimal(70), Decimal(30)])
    assert wanted(draft) == [50, 50]
    assert (draft.changed, draft.overtaken) == (True, True)
    draft.discard()
    assert wanted(draft) == [70, 30]
    assert not draft.overtaken


def test_what_came_true_is_no_wish_any_more() -> None:
    draft = weights(100, 0)
    draft.move(1, Decimal(50))
    draft.follow([Decimal(50), Decimal(50)])
    draft.follow([Decimal(20), Decimal(80)])
    assert wanted(draft) == [20, 80]


def test_a_mirror_follows_unless_somebody_wants_it_otherwise() -> None:
    to_v2, to_v3 = Copies(("app", "v2")), Copies(("app", "v3"))
    draft = Mirror(Copies())
    draft.follow(to_v2)
    assert (draft.wanted, draft.changed) == (to_v2, False)
    draft.want(to_v3)
    draft.follow(Copies())
    assert (draft.wanted, draft.changed, draft.overtaken) == (to_v3, True, True)
    draft.follow(to_v3)
    assert (draft.changed, draft.overtaken) == (False, False)
