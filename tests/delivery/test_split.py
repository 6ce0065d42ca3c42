"""A step is true when traffic is split as asked for, and no longer as before."""

from __future__ import annotations

import pytest

from turnout.delivery.split import UNSEEN, Split, looked, of_copies, of_requests

ONE = of_requests(0.01)


def test_the_first_request_of_the_candidate_rules_out_that_it_gets_none() -> None:
    waiting = looked(UNSEEN, 0, 150, ONE)
    assert not waiting.holds

    assert looked(waiting, 1, 50, ONE).holds


def test_a_raised_weight_holds_only_when_the_one_before_is_ruled_out() -> None:
    five = of_requests(0.05)
    few = looked(Split(was=0.01), 1, 20, five)
    assert not few.holds, "one of twenty may as well be of 1 %"

    assert looked(few, 12, 220, five).holds


def test_requests_from_before_the_change_do_not_stand_in_the_way_for_long() -> None:
    five = of_requests(0.05)
    old = looked(Split(was=0.01), 20, 2000, five)
    assert (old.total, old.was) == (0, 0.01), "that is the old split, and is forgotten"

    assert looked(old, 20, 400, five).holds


def test_a_share_that_is_near_the_one_before_need_not_rule_it_out() -> None:
    assert looked(Split(was=0.5), 5, 10, of_requests(0.51)).holds


def test_a_split_that_goes_astray_holds_no_more_until_it_is_back() -> None:
    good = looked(UNSEEN, 10, 1000, ONE)
    astray = looked(good, 300, 1000, ONE)
    assert not astray.holds
    assert astray.was == pytest.approx(0.155)

    assert not looked(astray, 0, 5, ONE).holds, "five requests agree with anything"
    assert looked(astray, 10, 1000, ONE).holds


def test_a_split_that_goes_astray_is_noticed_after_any_number_of_requests() -> None:
    split = UNSEEN
    for _ in range(10_000):
        split = looked(split, 10, 1000, ONE)
    assert split.holds
    assert split.total < 200_000

    for _ in range(100):
        split = looked(split, 30, 1000, ONE)
        if not split.holds:
            return
    pytest.fail("3 % instead of 1 %")


def test_a_hash_of_users_that_does_not_split_exactly_is_near_enough() -> None:
    split = UNSEEN
    for _ in range(1000):
        split = looked(split, 11, 1000, ONE)
    assert split.holds


def test_all_traffic_is_all_but_a_hundredth() -> None:
    everything = of_requests(1.0)
    assert looked(Split(was=0.5), 995, 1000, everything).holds
    assert not looked(Split(was=0.5), 900, 1000, everything).holds
    assert not looked(Split(was=0.5), 3, 3, everything).holds, "half of the traffic often looks like that"


def test_a_mirror_holds_although_some_copies_are_dropped() -> None:
    assert looked(UNSEEN, 800, 1000, of_copies(1.0)).holds
    assert not looked(UNSEEN, 500, 1000, of_copies(1.0)).holds


def test_where_no_share_can_be_told_one_request_is_enough() -> None:
    assert not looked(Split(), 0, 1000, None).holds
    assert looked(Split(), 1, 1000, None).holds


def test_no_traffic_never_holds() -> None:
    assert looked(UNSEEN, 0, 0, ONE) == UNSEEN
    assert UNSEEN.words == "no traffic"


def test_what_is_seen_is_told_with_its_interval() -> None:
    assert Split(5, 100).words == "5 of 100 requests: between 0.643 and 16.4 %"


def test_what_does_not_agree_is_told_until_the_next_look_although_all_begins_anew() -> None:
    strayed = looked(UNSEEN, 500, 1000, of_copies(1.0))
    assert (strayed.total, strayed.words) == (0, "500 of 1,000 requests: between 44.8 and 55.2 %")
    assert looked(strayed, 0, 0, of_copies(1.0)).words == "no traffic"


def test_of_a_few_users_that_stay_together_no_exact_part_is_asked_for_but_some() -> None:
    three_of_thirty = looked(UNSEEN, 200, 2000, of_requests(0.05))
    assert not three_of_thirty.holds, "such requests are not split by chance"

    few = of_requests(0.05, users=30)
    assert looked(UNSEEN, 200, 2000, few).holds
    assert not looked(UNSEEN, 0, 2000, few).holds, "all of them are with stable"
    assert not looked(UNSEEN, 1000, 2000, few).holds
    many = of_requests(0.05, users=100_000)
    assert (many.low, many.high) == (of_requests(0.05).low, of_requests(0.05).high)
