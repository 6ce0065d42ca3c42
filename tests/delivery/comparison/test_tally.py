"""Counting pairs: what is counted of what, within bounds, and in no particular order."""

from __future__ import annotations

import json
import tracemalloc
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.comparison.answers import REDACTION, ROUTE, answer, exchange, outcome
from tests.delivery.comparison.traffic import add, tallied, traffic

from turnout.delivery.comparison import record
from turnout.delivery.comparison.durations import Durations, ms
from turnout.delivery.comparison.exchange import Exchange, Pair
from turnout.delivery.comparison.kind import Kind, Part
from turnout.delivery.comparison.lowest import Lowest, lot
from turnout.delivery.comparison.tally import FIELDS, ROUTES, Bounds, FieldKey, Tally

SMALL = Bounds(routes=2, fields=4, examples=2, samples=3)


def key(path: str, kind: Kind = Kind.VALUE, route: str = ROUTE) -> FieldKey:
    return FieldKey(route, path, kind)


def test_differences_are_counted_by_side_and_of_the_pairs_that_could_show_them() -> None:
    tally = Tally()
    for number in range(10):
        stable = answer({"a": 1}, key=str(number))
        add(tally, stable, answer({"a": number % 2}, key=str(number)))
        add(tally, stable, answer({"a": 1}, key=str(number), status=500 if number < 3 else 200), "baseline")
    fields = dict(tally.fields(ROUTE))
    assert fields[key("$.a")].differing == {"candidate": 5}
    assert fields[key("status", Kind.FAILED)].differing == {"baseline": 3}
    assert tally.compared(key("$.a"), "candidate") == 10
    assert tally.compared(key("$.a"), "baseline") == 7
    assert tally.compared(key("status", Kind.FAILED), "baseline") == 10
    assert tally.routes[ROUTE].lacks == {("baseline", "statuses of two classes"): 3}


def test_no_data_is_counted_and_is_no_pair() -> None:
    tally = Tally()
    add(tally, answer({}), exchange(status=504, local_reply="UT"))
    add(tally, answer({"a": 1}), exchange("", media="application/json", headers=(("content-length", "9"),)))
    tally.unpaired(ROUTE, "candidate", "no room for the copy", 5)
    route = tally.routes[ROUTE]
    assert route.copies == {"candidate": 7}
    assert route.parts["candidate", Part.BODY] == 0
    assert route.parts["candidate", Part.CONTENT] == 1
    assert route.lacks == {
        ("candidate", "copy unanswered"): 1,
        ("candidate", "copy cut"): 1,
        ("candidate", "no room for the copy"): 5,
    }


def test_examples_are_of_the_candidate_side_by_side() -> None:
    tally = Tally()
    for number in range(20):
        stable = answer({"a": "x"}, key=str(number), path=f"/{number}")
        add(tally, stable, answer({"a": "y"}, key=str(number)))
        add(tally, stable, answer({"a": "z"}, key=str(number)), "baseline")
    ((_, field),) = tally.fields(ROUTE)
    examples = list(field.examples)
    assert len(examples) == 5
    assert {(example.stable, example.copy, example.at) for example in examples} == {("x", "y", "$.a")}
    assert all(example.path == f"/{example.key}" for example in examples)


def test_stables_own_durations_count_once() -> None:
    tally = Tally()
    stable = answer({}, duration_ms=10.0)
    add(tally, stable, answer({}, duration_ms=20.0))
    add(tally, stable, answer({}, duration_ms=30.0), "baseline")
    add(tally, stable, exchange(status=504, local_reply="UT", duration_ms=1_000.0))
    assert {whose: found.total for whose, found in tally.routes[ROUTE].durations.items()} == {
        "stable": 1,
        "candidate": 1,
        "baseline": 1,
    }


def seen(tally: Tally) -> Any:
    return json.loads(json.dumps({**record.plain(tally), "bar": None}))


def some_pair(number: int) -> Pair:
    random = Random(number)
    name = f"{number}"
    bodies = [
        {"id": random.random(), "n": random.randint(0, 2), random.choice("abcdefg"): {random.choice("xyz"): 1}}
        for _ in range(2)
    ]
    route = random.choice(["r1", "r2", "r3", "r4"])
    exchanges = [answer(body, key=name, route=route, duration_ms=random.uniform(0.1, 100)) for body in bodies]
    if random.random() < 0.1:
        exchanges[1] = exchange(status=500, key=name, route=route)
    return Pair(exchanges[0], exchanges[1], random.choice(["candidate", "baseline"]))


@given(st.lists(st.integers(0, 60), max_size=30), st.randoms(use_true_random=False), st.sampled_from([Bounds(), SMALL]))
def test_the_order_of_pairs_is_nothing(numbers: list[int], random: Random, bounds: Bounds) -> None:
    shuffled = random.sample(numbers, len(numbers))
    assert seen(tallied(map(some_pair, numbers), bounds)) == seen(tallied(map(some_pair, shuffled), bounds))


@given(st.lists(st.integers(0, 60), max_size=30), st.integers(0, 30), st.sampled_from([Bounds(), SMALL]))
def test_two_tallies_merged_are_one(numbers: list[int], cut: int, bounds: Bounds) -> None:
    merged = tallied(map(some_pair, numbers[:cut]), bounds)
    merged.merge(tallied(map(some_pair, numbers[cut:]), bounds))
    assert seen(merged) == seen(tallied(map(some_pair, numbers), bounds))


@given(st.lists(st.integers(0, 60), max_size=20), st.integers(0, 20), st.sampled_from([Bounds(), SMALL]))
def test_a_tally_goes_on_in_another_process(numbers: list[int], cut: int, bounds: Bounds) -> None:
    first = tallied(map(some_pair, numbers[:cut]), bounds)
    resumed = record.restored(json.loads(json.dumps(record.plain(first))), bounds)
    for pair in map(some_pair, numbers[cut:]):
        add(resumed, pair.stable, pair.copy, pair.side)
    assert seen(resumed) == seen(tallied(map(some_pair, numbers), bounds))


def test_a_record_of_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format"):
        record.restored({"format": 0})


def test_there_is_room_for_so_many_fields_and_routes_and_the_rest_is_counted() -> None:
    tally = Tally(SMALL)
    for number in range(20):
        wide = {f"f{field}x": number for field in range(number % 10)}
        add(tally, answer({}, key=str(number), route=f"r{number % 5}"), answer(wide, key=str(number)))
    assert len(tally.routes) == 2
    kept = sum(field.differing.total() for _, field in tally.everything())
    assert tally.dropped[FIELDS] == 90 - kept
    assert tally.dropped[ROUTES] == 12


def test_when_there_are_too_many_fields_the_shallow_ones_stay() -> None:
    tally = Tally(Bounds(fields=3))
    deep = {"deep": {f"k{i}x": i for i in range(100)}}
    add(tally, answer(deep), answer({"deep": dict.fromkeys(deep["deep"], -1), "extra": 1}, status=201))
    paths = {path for path in (entry.path for entry, _ in tally.fields(ROUTE)) if path.count(".") < 2}
    assert paths == {"$.extra", "status"}


def test_a_tally_stays_small_whatever_it_counts() -> None:
    """An eighth of the bounds, in an eighth of the memory: the whole takes 80 MB at most."""
    tracemalloc.start()
    try:
        tally, random = Tally(Bounds(routes=12, fields=31, samples=400)), Random(0)

        def noisy(_: Random) -> Exchange:
            body = {f"field{random.randint(0, 400)}x": [f"{random.random()}" * 20] for _ in range(5)}
            body |= {f"s{i}x": [f"{random.random()}" * 10] for i in range(40)}
            return answer(body, route=f"r{random.randint(0, 40)}", duration_ms=random.lognormvariate(2, 2))

        for pair in traffic(noisy, noisy, 150, baseline=75):
            tally.add(pair, outcome(pair.stable, pair.copy), REDACTION)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 10_000_000


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=40), st.integers(0, 8))
def test_the_lowest_are_the_lowest(entries: list[tuple[int, int]], most: int) -> None:
    lowest: Lowest[int] = Lowest(most)
    for rank, entry in entries:
        lowest.add(rank, entry)
    assert sorted(rank for rank, _ in lowest.items()) == sorted(rank for rank, _ in entries)[:most]


def test_lots_are_spread_evenly() -> None:
    below = sum(lot(str(number)) < 2**62 for number in range(4_000))
    assert 900 < below < 1_100


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50), st.floats(0.01, 1.0))
def test_durations_are_within_two_percent(times: list[float], share: float) -> None:
    durations = Durations()
    for time in times:
        durations.add(time)
    exact = sorted(times)[max(0, -int(-share * len(times) // 1) - 1)]
    bucket = durations.quantile(share)
    assert bucket is not None
    assert exact <= ms(bucket) * (1 + 1e-9)
    assert ms(bucket) <= max(exact * 1.02, 0.001) * (1 + 1e-9)
    assert durations.slower(bucket) == sum(time > ms(bucket) * (1 + 1e-9) for time in times)
