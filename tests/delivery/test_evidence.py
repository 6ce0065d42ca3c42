"""Looks are cumulative: what came between two of them is known exactly, or not at all."""

from __future__ import annotations

import pytest

from turnout.delivery.evidence import NOTHING, Counts, Evidence, Stream, limit, noticeably_above, slower


def counts(bad: int, total: int, stable_bad: int, stable_total: int) -> Counts:
    return Counts(Stream(bad, total), Stream(stable_bad, stable_total))


FIRST = Evidence("a", 10, 1000, {"errors": counts(1, 10, 2, 990)})


def test_what_came_after_a_look_is_the_difference() -> None:
    later = Evidence("a", 15, 1500, {"errors": counts(1, 15, 4, 1485)}, candidate_ready=False)

    assert later.since(FIRST) == Evidence("a", 5, 500, {"errors": counts(0, 5, 2, 495)}, candidate_ready=False)


def test_the_same_look_again_brings_nothing() -> None:
    assert FIRST.since(FIRST) == Evidence("a", 0, 0, {"errors": NOTHING})


def test_copies_that_are_answered_after_a_look_do_not_make_the_next_one_impossible() -> None:
    assert Evidence("a", 515, 1500).since(Evidence("a", 0, 1000)) == Evidence("a", 500, 500)


@pytest.mark.parametrize(
    "other",
    [
        Evidence("b", 20, 2000, {"errors": counts(1, 20, 4, 1980)}),
        Evidence("a", 9, 1000, {"errors": counts(1, 10, 2, 990)}),
        Evidence("a", 10, 999, {"errors": counts(1, 10, 2, 990)}),
    ],
    ids=["other counters", "fewer of the candidate", "fewer"],
)
def test_what_cannot_have_followed_is_no_later_look(other: Evidence) -> None:
    assert other.since(FIRST) is None


def test_a_guard_that_was_not_counted_before_begins_with_this_look() -> None:
    later = Evidence("a", 15, 1500, {"errors": counts(1, 15, 4, 1485), "slow": counts(9, 15, 9, 1485)})

    news = later.since(FIRST)

    assert news is not None
    assert list(news.guards) == ["errors"]


def test_a_guard_whose_counts_fall_begins_anew_and_holds_up_no_other() -> None:
    both = Evidence("a", 10, 1000, {"errors": counts(1, 10, 2, 990), "query": counts(5, 10, 2, 990)})
    restarted = Evidence("a", 15, 1500, {"errors": counts(1, 15, 4, 1485), "query": counts(0, 3, 2, 1485)})
    later = Evidence("a", 20, 2000, {"errors": counts(1, 20, 4, 1980), "query": counts(1, 8, 3, 1980)})

    news = restarted.since(both)
    assert news is not None
    assert news.guards == {"errors": counts(0, 5, 2, 495)}
    assert (found := later.since(restarted)) is not None
    assert found.guards["query"] == counts(1, 5, 1, 495)


def test_counts_of_which_more_are_bad_than_came_wait_for_the_others() -> None:
    ahead = Evidence("a", 15, 1500, {"errors": counts(4, 10, 2, 990)})
    later = Evidence("a", 20, 2000, {"errors": counts(4, 20, 4, 1980)})

    held = ahead.settled(FIRST)
    assert (held.total, held.guards) == (1500, FIRST.guards)
    assert later.settled(held) is later
    assert (found := later.since(held)) is not None
    assert found.guards["errors"] == counts(3, 10, 2, 990)


# --- durations

BUCKETS = {(100.0, 10.0): 900, (110.0, 10.0): 90, (200.0, 10.0): 9, (5000.0, 100.0): 1}


@pytest.mark.parametrize(
    ("quantile", "above"), [(0.5, 110.0), (0.9, 110.0), (0.95, 120.0), (0.99, 120.0), (0.999, 210.0)]
)
def test_a_limit_is_the_edge_of_the_bucket_that_holds_the_quantile(quantile: float, above: float) -> None:
    assert limit(BUCKETS, quantile) == above


@pytest.mark.parametrize(
    ("at", "limit"),
    [(400.0, 1400.0), (410.0, 1500.0), (9_100.0, 11_000.0), (30_000.0, 32_000.0), (200_000.0, 210_000.0)],
)
def test_slower_by_less_than_a_millisecond_or_a_twentieth_is_not_slower(at: float, limit: float) -> None:
    assert noticeably_above(at) == limit


def test_slow_is_what_lies_above_the_limit() -> None:
    assert slower(BUCKETS, 120.0) == Stream(10, 1000)
    assert slower({(5.0, 1.0): 3}, 120.0) == Stream(0, 3)
    assert slower({}, 120.0) == Stream()


def test_too_few_durations_give_no_limit() -> None:
    assert limit({(1.0, 0.1): 99}, 0.99) is None
    assert limit({(1.0, 0.1): 100}, 0.99) == 1.1
    assert limit({}, 0.5) is None
