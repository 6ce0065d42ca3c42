"""Regular expressions match what they match in Envoy, however they are written, in time that can be waited for."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.resources.test_re2 import EXAMPLES

from turnout.resources.re2 import compiled, regex_fault
from turnout.simulator.automaton import matches

ATOMS = st.sampled_from(["a", "b", "x", ".", "[ab]", "[^a]", r"\d", r"\b", "^", "$", "(?i)", "1", "(?-i)"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"(?i:{text})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,2}", "{0,}"])).map(
            lambda p: f"({p[0]}){p[1]}"
        ),
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(("pattern", "fitting", "unfitting"), EXAMPLES)
def test_what_re2_matches_is_matched(pattern: str, fitting: list[str], unfitting: list[str]) -> None:
    assert [text for text in fitting if not matches(pattern, text)] == []
    assert [text for text in unfitting if matches(pattern, text)] == []


@given(PATTERNS, st.text("abxA1 ", max_size=6))
def test_it_agrees_with_pythons_own_matching(pattern: str, text: str) -> None:
    if regex_fault(pattern) is None:
        assert matches(pattern, text) is (compiled(pattern).fullmatch(text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+b", "a" * 2000),
        ("(.*,)*x", "a," * 1000),
        (".*.*.*.*=", "a" * 2000),
        ("(a|a)*b", "a" * 2000),
        ("(a?){1000}b", "a" * 500),
        ("(x{1000}){1000}", "x"),
    ],
)
def test_no_expression_holds_up_who_asks(pattern: str, text: str) -> None:
    started = time.monotonic()
    assert not matches(pattern, text)
    assert time.monotonic() - started < 10


def test_a_place_is_looked_at_in_the_whole_text() -> None:
    assert matches("(?m)a$\n^b", "a\nb")
    assert not matches("a$\nb", "a\nb")
