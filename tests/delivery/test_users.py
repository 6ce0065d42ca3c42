"""Who met which version: each user once, in whatever order requests are told, and never too many of them."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery import users
from turnout.delivery.users import Tally, Users

SECRET = b"sixteen bytes, at least"
VISITS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 9), st.booleans()), max_size=60)


def counted(*visits: tuple[str, float, bool]) -> Users:
    tally = Tally(SECRET)
    for user, began, candidate in visits:
        tally.met(user.encode(), began, candidate=candidate)
    return tally.users


def test_a_user_counts_once_for_each_version_it_met() -> None:
    found = counted(("a", 10, False), ("a", 11, False), ("b", 10, True), ("b", 12, True), ("c", 10, False))
    assert found == Users(seen=3, stable=2, candidate=1)


def test_who_moves_to_the_candidate_saw_both_and_who_moves_back_went_back() -> None:
    assert counted(("a", 10, False), ("a", 20, True)) == Users(seen=1, stable=1, candidate=1, both=1)
    assert counted(("a", 10, True), ("a", 20, False)) == Users(seen=1, stable=1, candidate=1, both=1, back=1)
    assert counted(("a", 20, False), ("a", 10, True)).back == 1, "slow requests are told of late"


def test_the_moment_in_which_a_weight_comes_into_force_sends_nobody_back() -> None:
    assert counted(("a", 10.0, True), ("a", 10.2, False)).back == 0


def test_requests_without_a_key_are_nobodys() -> None:
    assert counted(("", 10, True), ("", 11, False), ("a", 11, False)) == Users(
        seen=1, stable=1, candidate=0, without_key=2
    )


def test_a_hash_needs_the_tallys_own_secret() -> None:
    assert users.hashed(b"a", SECRET) != users.hashed(b"a", SECRET + b"!")


@given(VISITS, st.integers(0, 60))
def test_what_is_told_as_news_is_all_that_another_tally_needs(visits: list[tuple[int, int, bool]], at: int) -> None:
    tally, kept = Tally(SECRET), dict[int, int]()
    for number, (user, _, candidate) in enumerate(visits):
        if number == at:
            kept |= tally.news()
            tally = Tally(SECRET, kept)
        tally.met(b"user %d" % user, 10.0 * number, candidate=candidate)
    kept |= tally.news()
    whole = counted(*((f"user {user}", 10.0 * number, to) for number, (user, _, to) in enumerate(visits)))
    assert tally.users == whole
    assert Tally(SECRET, kept).users == whole


@given(VISITS)
def test_the_order_in_which_requests_are_told_of_changes_nothing(visits: list[tuple[int, int, bool]]) -> None:
    told = [(f"user {user}", float(began), to) for user, began, to in visits]
    assert counted(*told) == counted(*reversed(told))


def test_too_many_users_are_told_of_by_a_part_of_them() -> None:
    tally, chance = Tally(SECRET), random.Random(1)
    for number in range(300_000):
        user, candidate = b"%d" % number, chance.random() < 0.1
        tally.met(user, 10.0, candidate=candidate)
        if number % 4 == 0:
            tally.met(user, 20.0, candidate=True)
    found = tally.users
    assert found.sampled == 4
    assert len(tally.news()) <= users.MOST_USERS
    assert abs(found.seen - 300_000) < 6_000
    assert abs(found.candidate - 97_500) < 4_000
    assert abs(found.both - 67_500) < 4_000
    again = Tally(SECRET, {users.hashed(b"%d" % number, SECRET): users.STABLE for number in range(1000)}, mask=3)
    assert abs(again.users.seen - 1000) < 250, "a part of another one's users stands for all"
