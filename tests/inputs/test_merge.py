"""Laws of the three-way merge."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from turnout.inputs.align import same, weave
from turnout.inputs.merge import merge

SCALARS = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a", "b"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "x", "y"]), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3)


@given(OBJECTS, OBJECTS)
def test_an_unchanged_file_changes_nothing(file: dict[str, Any], live: dict[str, Any]) -> None:
    assert same(merge(file, file, live), live)


@given(OBJECTS, OBJECTS)
def test_without_a_live_change_the_file_is_what_is_live(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert same(merge(old, new, old), new)


@given(OBJECTS, OBJECTS, OBJECTS)
def test_merging_again_changes_nothing(old: dict[str, Any], new: dict[str, Any], live: dict[str, Any]) -> None:
    once = merge(old, new, live)
    assert same(merge(new, new, once), once)


@given(st.lists(st.integers(0, 9), unique=True), st.lists(st.integers(0, 9), unique=True))
def test_weaving_keeps_the_order_of_the_first_and_loses_nothing(base: list[int], other: list[int]) -> None:
    names, others = [str(item) for item in base], [str(item) for item in other]
    woven = weave(names, others)
    assert [name for name in woven if name in names] == names
    assert sorted(woven) == sorted({*names, *others})
