"""A share of requests, told by the first two hex digits of their keys."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery import sample
from turnout.delivery.edit import Refusal
from turnout.delivery.sample import ALL, PARTS, Sample, of_percent, of_regex, parsed

SAMPLES = st.integers(1, PARTS).map(Sample)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("1/16", 16), ("5%", 13), ("5 %", 13), ("6.25", 16), ("1/3", 86), ("all", 256), ("100%", 256), ("1/1000", 1)],
)
def test_a_share_is_read_as_people_write_it_and_rounded_up(text: str, parts: int) -> None:
    assert parsed(text) == Sample(parts)


@pytest.mark.parametrize("text", ["", "0", "0/5", "1/0", "101%", "3/2", "-1", "half", "1/16%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    refusal = parsed(text)
    assert isinstance(refusal, Refusal)
    assert refusal.hint


@given(SAMPLES)
def test_the_regex_lets_exactly_the_share_through(wanted: Sample) -> None:
    rest = "1c0ffee-0000-4000-8000-000000000000"
    passed = [part for part in range(PARTS) if re.fullmatch(wanted.regex, f"{part:02x}{rest}")]
    assert passed == list(range(wanted.parts))


@given(SAMPLES)
def test_a_sample_is_found_again_by_its_regex_and_by_its_percent(wanted: Sample) -> None:
    assert of_regex(wanted.regex) == wanted
    assert of_percent(wanted.percent) == wanted


@given(st.decimals(Decimal("0.001"), Decimal(100), places=3))
def test_a_sample_is_never_smaller_than_asked_for(percent: Decimal) -> None:
    found = of_percent(percent)
    assert found.percent >= percent
    assert found.parts == 1 or Sample(found.parts - 1).percent < percent


def test_another_regex_is_no_sample() -> None:
    assert of_regex("0.*") is None
    assert ALL.regex == "(?:[0-9a-f][0-9a-f]).*"
    assert (ALL.words, Sample(16).words, sample.of_percent(Decimal(5)).words) == ("all", "1/16", "13/256")
