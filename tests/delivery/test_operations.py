"""The fewest operations from one JSON value to another: they lead there, and touch nothing else."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.operations import operations

LEAVES = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b", "x/y", "~"])
VALUES = st.recursive(LEAVES, lambda of: st.lists(of, max_size=4) | st.dictionaries(st.text("ab/~", max_size=2), of))


@given(VALUES, VALUES)
def test_they_lead_from_the_one_to_the_other(before: Any, after: Any) -> None:
    found = list(operations((), {"v": before}, {"v": after}))
    made = jsonpatch.apply_patch(copy.deepcopy({"v": before}), found)

    assert repr(made["v"]) == repr(after) or _same(made["v"], after)


def _same(one: Any, other: Any) -> bool:
    """True is no 1, and the order of keys says nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


@given(VALUES)
def test_nothing_is_done_where_nothing_differs(value: Any) -> None:
    assert list(operations((), value, copy.deepcopy(value))) == []


def test_one_weight_is_one_operation() -> None:
    before = {"http": [{"route": [{"weight": 90}, {"weight": 10}], "timeout": "1s"}]}
    after = {"http": [{"route": [{"weight": 90}, {"weight": 20}], "timeout": "1s"}]}

    assert list(operations(("spec",), before, after)) == [
        {"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 20}
    ]


def test_a_rule_that_was_put_before_others_is_taken_out_alone() -> None:
    rules = [{"name": name} for name in ("a", "b")]

    assert list(operations((), [{"name": "a-mirror"}, *rules], rules)) == [{"op": "remove", "path": "/0"}]
    assert list(operations((), rules, [rules[0], {"name": "new"}, rules[1]])) == [
        {"op": "add", "path": "/1", "value": {"name": "new"}}
    ]
