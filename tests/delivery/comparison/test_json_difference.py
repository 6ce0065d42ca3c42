"""JSON against JSON: by path, by kind, and nothing where nothing differs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.comparison.json_difference import json_differences

CASES: list[tuple[str, Any, Any, set[tuple[str, str]]]] = [
    ("equal objects, members in another order", {"a": 1, "b": 2}, {"b": 2, "a": 1}, set()),
    ("one and one point nought are one number", {"a": 1}, {"a": 1.0}, set()),
    ("a value", {"a": 1}, {"a": 2}, {("$.a", "value")}),
    ("a value deep down", {"a": {"b": {"c": "x"}}}, {"a": {"b": {"c": "y"}}}, {("$.a.b.c", "value")}),
    ("missing", {"a": 1, "b": 2}, {"a": 1}, {("$.b", "missing")}),
    ("missing only once, not for all below it", {"a": {"b": 1, "c": 2}}, {}, {("$.a", "missing")}),
    ("extra", {}, {"a": None}, {("$.a", "extra")}),
    ("null is not missing", {"a": 1}, {"a": None}, {("$.a", "type")}),
    ("true is not 1", {"a": True}, {"a": 1}, {("$.a", "type")}),
    ("a number as text", {"a": 1}, {"a": "1"}, {("$.a", "type")}),
    ("an object instead of a list", {"a": []}, {"a": {}}, {("$.a", "type")}),
    ("the whole is of another type", [], {}, {("$", "type")}),
    ("the whole is another value", 1, 2, {("$", "value")}),
    ("items by index", [1, 2, 3], [1, 5, 3], {("$[*]", "value")}),
    ("items' fields share a path", [{"p": 1}, {"p": 2}], [{"p": 3}, {"p": 4}], {("$[*].p", "value")}),
    ("another order", [1, 2, 3], [3, 1, 2], {("$", "order")}),
    ("another order of objects", [{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}], {("$", "order")}),
    ("order counts what comes twice", [1, 1, 2], [2, 2, 1], {("$[*]", "value")}),
    ("true and 1 are no reordering", [True, 0], [0, 1], {("$[*]", "type"), ("$[*]", "value")}),
    ("an item less at the end", [1, 2, 3], [1, 2], {("$", "length")}),
    ("an item more at the beginning", [1, 2, 3], [0, 1, 2, 3], {("$", "length")}),
    ("an item less in the middle", ["a", "b", "c"], ["a", "c"], {("$", "length")}),
    ("shorter, and a value", ["a", "b", "c"], ["x", "b"], {("$", "length"), ("$[*]", "value")}),
    ("empty", [1], [], {("$", "length")}),
    (
        "items with an id belong together wherever they are",
        [{"id": 1, "p": 5}, {"id": 2, "p": 6}],
        [{"id": 2, "p": 6}, {"id": 1, "p": 7}],
        {("$", "order"), ("$[*].p", "value")},
    ),
    (
        "of items with ids one is new",
        [{"id": 1, "p": 5}, {"id": 2, "p": 6}],
        [{"id": 9, "p": 0}, {"id": 1, "p": 5}, {"id": 2, "p": 7}],
        {("$", "length"), ("$[*].p", "value")},
    ),
    (
        "an id that is another one",
        [{"id": 1, "p": 5}, {"id": 2, "p": 6}, {"id": 3, "p": 6}],
        [{"id": 1, "p": 5}, {"id": 2, "p": 6}, {"id": 4, "p": 6}],
        {("$[*].id", "value")},
    ),
    (
        "ids that are made anew say nothing about what belongs together",
        [{"id": "x1", "p": 5}, {"id": "x2", "p": 6}],
        [{"id": "x3", "p": 5}, {"id": "x4", "p": 7}],
        {("$[*].id", "value"), ("$[*].p", "value")},
    ),
    (
        "ids as text",
        [{"id": 1}, {"id": 2}],
        [{"id": "1"}, {"id": "2"}],
        {("$[*].id", "type")},
    ),
    ("lists in lists", [[1], [2, 3]], [[1], [2, 4]], {("$[*][*]", "value")}),
    ("keys that are ids go by one path", {"7": {"n": 1}}, {"7": {"n": 2}}, {("$.*.n", "value")}),
    ("other ids", {"u": {"17": 1}}, {"u": {"18": 1}}, {("$.u.*", "missing"), ("$.u.*", "extra")}),
    ("a key that needs quotes", {"a b": 1, "it's": 1}, {"a b": 2}, {("$['a b']", "value"), ("$['it\\'s']", "missing")}),
]


@pytest.mark.parametrize(("stable", "copy", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_shapes(stable: Any, copy: Any, expected: set[tuple[str, str]]) -> None:
    assert {(path, kind.value) for path, kind in json_differences(stable, copy)} == expected


def test_the_first_place_is_kept_with_its_index() -> None:
    places = json_differences({"items": [{"p": 1}, {"p": 2}, {"p": 3}]}, {"items": [{"p": 1}, {"p": 8}, {"p": 9}]})
    (place,) = places.values()
    assert (place.at, place.stable, place.copy) == ("$.items[1].p", 2, 8)


def test_what_differs_everywhere_is_bounded() -> None:
    assert len(json_differences({f"k{i}x": i for i in range(2_000)}, {})) == 500


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text("abc\U0001f600'", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "a", "b", "c d", "7"]), inner),
    max_leaves=20,
)


@given(VALUES)
def test_equal_values_never_differ(value: Any) -> None:
    assert not json_differences(value, json.loads(json.dumps(value)))


@given(VALUES, VALUES)
def test_swapped_sides_swap_missing_and_extra_and_nothing_else(one: Any, other: Any) -> None:
    mirror = {"missing": "extra", "extra": "missing"}
    forth = {(path, kind.value) for path, kind in json_differences(one, other)}
    back = {(path, mirror.get(kind.value, kind.value)) for path, kind in json_differences(other, one)}
    assert forth == back


@given(VALUES, VALUES)
def test_whatever_is_not_equal_differs(one: Any, other: Any) -> None:
    if not json_differences(one, other):
        assert one == other
