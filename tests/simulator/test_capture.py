"""What groups keep is what RE2 keeps: regex rewrites put it into paths. Held against RE2 itself."""

from __future__ import annotations

import time

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st
from tests.resources.test_re2 import EXAMPLES
from tests.simulator.test_automaton import PATTERNS

from turnout.resources.re2 import regex_fault
from turnout.simulator.capture import found

LAZY = st.lists(
    st.one_of(PATTERNS, st.sampled_from(["(?U)", "(a*?)", "(|a)*", "(a*)+", "()*?"])), min_size=1, max_size=4
)


def by_re2(pattern: str, text: str) -> tuple[int, ...] | None:
    match = re2.search(pattern, text)
    return None if match is None else tuple(at for group in range(match.re.groups + 1) for at in match.span(group))


@given(LAZY.map("".join), st.text("abxA1 ", max_size=8))
def test_the_first_match_and_its_groups_are_those_of_re2(pattern: str, text: str) -> None:
    if regex_fault(pattern) is None:
        assert found(pattern, text) == by_re2(pattern, text)


@pytest.mark.parametrize(("pattern", "fitting", "unfitting"), EXAMPLES)
def test_examples_are_found_as_re2_finds_them(pattern: str, fitting: list[str], unfitting: list[str]) -> None:
    for text in (*fitting, *unfitting):
        if text.isascii():
            assert found(pattern, text) == by_re2(pattern, text), text


@pytest.mark.parametrize(
    ("pattern", "text", "places"),
    [
        ("(a|ab)(c|bcd)*", "abcd", (0, 4, 0, 1, 1, 4)),
        ("^/v1/(.*?)/(.*)$", "/v1/a/b/c", (0, 9, 4, 5, 6, 9)),
        ("(?U)/(.+)/(.+)", "/ab/cd", (0, 5, 1, 3, 4, 5)),
        ("(a)|b", "b", (0, 1, -1, -1)),
        (r"\bb", "ab b", (3, 4)),
        ("c", "ab", None),
    ],
)
def test_of_several_ways_the_one_that_re2_prefers_counts(
    pattern: str, text: str, places: tuple[int, ...] | None
) -> None:
    assert found(pattern, text) == places == by_re2(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"), [("(a+)+$", "a" * 500 + "b"), ("(a|a)*b", "a" * 500), ("(x+x+)+y", "x" * 500)]
)
def test_no_rewrite_holds_up_who_asks(pattern: str, text: str) -> None:
    started = time.monotonic()
    found(pattern, text)
    assert time.monotonic() - started < 5
