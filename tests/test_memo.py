"""What is kept of the last time changes no result, whatever was asked before."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from turnout.memo import Memo

ITEMS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3)).flatmap(
    lambda found: st.permutations(list(found.items())).map(dict)
)
ROUNDS = st.lists(st.tuples(ITEMS, ITEMS, st.booleans()), min_size=1, max_size=8)


def pair(key: str, *values: Any) -> tuple[Any, ...]:
    return (key, *values)


@given(ROUNDS)
def test_each_is_made_of_its_own_values_in_the_order_of_the_first_input(rounds: list[Any]) -> None:
    memo = Memo()
    for first, second, context in rounds:
        found = memo.each("pair", (first, second), lambda *given, own=context: (*given, own), (context,))
        assert list(found.items()) == [(k, (k, v, second.get(k), context)) for k, v in first.items()]
        memo.forget_unasked()


@given(ROUNDS)
def test_one_thing_made_of_another_follows_it(rounds: list[Any]) -> None:
    memo = Memo()
    for first, second, skipped in rounds:
        made = memo.each("made", (first, second), lambda _, one, two: one + (two or 0))
        if not skipped:
            twice = memo.each("twice", (made,), lambda _, value: value * 2)
            assert list(twice.items()) == [(k, (v + second.get(k, 0)) * 2) for k, v in first.items()]
            assert dict(memo.united("all", made, twice)) == {**made, **twice}
        memo.forget_unasked()


@given(ROUNDS)
def test_groups_have_their_items_in_order(rounds: list[Any]) -> None:
    memo = Memo()
    for items, groups, _ in rounds:
        own = {key: (groups.get(key, 0), 9) if value else () for key, value in items.items()}
        named = memo.each("item", (items,), pair)
        found = memo.grouped("groups", named, memo.each("own", (own,), lambda _, each: each))
        wanted: dict[int, tuple[Any, ...]] = {}
        for key, each in own.items():
            for group in each:
                wanted[group] = (*wanted.get(group, ()), (key, items[key]))
        assert dict(found) == wanted
        memo.forget_unasked()


@given(ROUNDS)
def test_what_is_equally_old_stays_in_its_order(rounds: list[Any]) -> None:
    memo = Memo()
    for items, ages, _ in rounds:
        aged = memo.each("aged", (items, ages), lambda _, value, age: (age or 0, value))
        found = memo.ordered("by age", aged, lambda each: each[0])
        assert list(found.items()) == sorted(aged.items(), key=lambda item: item[1][0])
        memo.forget_unasked()


def test_nothing_is_made_again_for_what_has_not_changed() -> None:
    memo, made = Memo(), []

    def make(key: str, value: int) -> int:
        made.append(key)
        return value // 10

    first = memo.each("tens", ({"a": 10, "b": 20},), make)
    memo.forget_unasked()
    second = memo.each("tens", ({"a": 10, "b": 21},), make)
    assert made == ["a", "b", "b"]
    assert second is first, "what comes out is equal, so that nothing has to follow"


def test_what_was_not_asked_for_once_is_forgotten() -> None:
    memo, made = Memo(), []
    for asked in (True, True, False, True):
        if asked:
            memo.of("x", (1,), lambda: made.append("x"))
        memo.forget_unasked()
    assert len(made) == 2


def test_what_is_asked_twice_in_one_round_is_one_object() -> None:
    memo = Memo()
    assert memo.of("x", (1,), object) is memo.of("x", (1,), object)
    assert memo.within("part") is memo.within("part")
