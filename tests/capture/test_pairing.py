"""Answers that belong together, in any order; and what becomes of those that are alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.capture.answers import COPIED, HOST, JSON, copied, raw, read

from turnout.capture.pairing import COPY_SECONDS, STABLE_SECONDS, Pairing, Unpaired
from turnout.delivery.comparison.exchange import Pair

Found = list[Pair | Unpaired]


def pairing(most_bytes: int = 1 << 20) -> Pairing:
    return Pairing(HOST, "v1", "v2", most_bytes)


def added(into: Pairing, traces: Sequence[JSON], now: float = 0.0) -> Found:
    return [found for data in traces for found in into.add(read(data), now)]


def pairs(found: Found) -> set[tuple[str, str]]:
    """Keys and sides."""
    return {(each.stable.key, each.side) for each in found if isinstance(each, Pair)}


def alone(found: Found) -> list[tuple[str, str]]:
    return [(each.side, each.reason) for each in found if isinstance(each, Unpaired)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_an_answer_and_its_copies_are_paired_in_any_order(order: tuple[int, ...]) -> None:
    three = [raw(body=b"user"), copied("v2", body=b"trial"), copied("v1", body=b"again")]
    into = pairing()
    found = added(into, [three[index] for index in order])
    assert pairs(found) == {("k1", "candidate"), ("k1", "baseline")}
    bodies = {each.side: (each.stable.body, each.copy.body) for each in found if isinstance(each, Pair)}
    assert bodies == {"candidate": (b"user", b"trial"), "baseline": (b"user", b"again")}
    assert into.size_bytes == 0
    assert list(into.expire(1e6)) == []


def test_a_copy_for_baseline_is_not_missed() -> None:
    """Only some are made."""
    into = pairing()
    assert pairs(added(into, [raw(), copied("v2")])) == {("k1", "candidate")}
    assert list(into.expire(COPY_SECONDS)) == []
    assert into.size_bytes == 0


def test_a_copy_for_the_candidate_that_is_not_seen_is_counted_once() -> None:
    into = pairing()
    added(into, [raw()], now=10.0)
    assert list(into.expire(10.0 + COPY_SECONDS - 0.1)) == []
    assert list(into.expire(10.0 + COPY_SECONDS)) == [Unpaired("main", "candidate", "copy not seen")]
    assert list(into.expire(1e6)) == []


def test_copies_wait_longer_for_a_slow_answer_than_it_for_them() -> None:
    into = pairing()
    added(into, [copied("v2"), copied("v1")])
    assert list(into.expire(STABLE_SECONDS - 0.1)) == []
    assert alone(list(into.expire(STABLE_SECONDS))) == [
        ("candidate", "stable's answer not seen"),
        ("baseline", "stable's answer not seen"),
    ]


def test_what_another_version_answered_is_compared_with_nothing() -> None:
    """A weighted split sends some requests of a copied rule to the candidate itself."""
    into = pairing()
    answered_by_candidate = raw("k1", cluster=f"outbound|80|v2|{HOST}")
    assert added(into, [copied("v2"), answered_by_candidate, copied("v1")]) == []
    assert list(into.expire(1e6)) == []
    assert into.size_bytes == 0


@pytest.mark.parametrize(
    "stranger",
    [
        raw(cluster="outbound|80|v1|other.default.svc.cluster.local"),
        raw(cluster="copy|80|v2|other.default.svc.cluster.local", mirror="candidate"),
        raw(cluster=COPIED % "v3", mirror="candidate"),
    ],
)
def test_other_services_and_subsets_are_none_of_ours(stranger: JSON) -> None:
    into = pairing()
    assert added(into, [stranger]) == []
    assert into.size_bytes == 0


def test_the_receiver_counts_and_not_the_label() -> None:
    """With weight on both, both are called baseline."""
    both = raw(cluster=COPIED % "v2", mirror="baseline")
    assert pairs(added(pairing(), [raw(), both])) == {("k1", "candidate")}


def test_a_copy_that_envoy_dropped_is_not_held_against_its_receiver() -> None:
    dropped = copied(status=503, response={"x-turnout-flags": "UO", "x-envoy-upstream-service-time": ""})
    into = pairing()
    assert alone(added(into, [raw(), dropped])) == [("candidate", "dropped by Envoy")]
    assert list(into.expire(1e6)) == []


def test_one_that_timed_out_is() -> None:
    late = copied(status=504, response={"x-turnout-flags": "UT", "x-envoy-upstream-service-time": ""})
    assert pairs(added(pairing(), [raw(), late])) == {("k1", "candidate")}


def test_the_same_answer_twice_is_one() -> None:
    into = pairing()
    assert len(added(into, [raw(), raw(), copied("v2"), copied("v2")])) == 1


def test_there_is_room_for_so_much_and_the_oldest_goes() -> None:
    into = pairing(most_bytes=100_000)
    found = added(into, [raw(f"k{number}", body=b"." * 10_000) for number in range(100)])
    assert into.size_bytes <= 100_000
    assert set(alone(found)) == {("candidate", "no room")}
    assert pairs(added(into, [copied("v2", key="k99"), copied("v2", key="k0")])) == {("k99", "candidate")}


def test_one_that_is_larger_than_all_the_room_goes_too() -> None:
    into = pairing(most_bytes=10_000)
    added(into, [raw(body=b"." * 20_000)])
    assert into.size_bytes == 0


@given(st.lists(st.tuples(st.sampled_from(["user", "v1", "v2"]), st.integers(0, 5), st.integers(0, 3000)), max_size=60))
def test_nothing_is_counted_twice_and_what_is_left_is_given_up(events: list[tuple[str, int, int]]) -> None:
    into, found, now = pairing(most_bytes=60_000), [], 0.0
    for who, number, size in events:
        data = raw(f"k{number}", body=b"." * size) if who == "user" else copied(who, key=f"k{number}", body=b"." * size)
        found += list(into.add(read(data), now))
        assert 0 <= into.size_bytes <= 60_000
        now += 0.01
    given_up = list(into.expire(now + 1e6))
    assert into.size_bytes == 0
    assert all(isinstance(each, Unpaired) for each in given_up)
    users = sum(who == "user" for who, _, _ in events)
    assert sum(isinstance(each, Pair) and each.side == "candidate" for each in found) <= users
