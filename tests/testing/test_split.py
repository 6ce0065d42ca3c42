"""Whether a split agrees with weights: by the binomial distribution, not by a feeling."""

from __future__ import annotations

import pytest

from turnout.testing import Split
from turnout.testing.split import plausible


def test_what_chance_explains_is_close() -> None:
    assert Split({"v1": 1790, "v2": 210}).close_to({"v1": 90, "v2": 10})
    assert Split({"v1": 26, "v2": 74}).close_to({"v1": 1, "v2": 3})


def test_what_chance_does_not_explain_says_what_was_seen_and_what_would_do() -> None:
    with pytest.raises(AssertionError) as raised:
        Split({"v1": 911, "v2": 89}).close_to({"v1": 80, "v2": 20})

    assert str(raised.value) == (
        "1,000 requests are not split as expected:\n"
        "✗ v1: 911 (91.1 %), expected 80 %: 734 to 861 would do\n"
        "✗ v2: 89 (8.9 %), expected 20 %: 139 to 266 would do"
    )


@pytest.mark.parametrize("counts", [{"v1": 1999, "v2": 1}, {"v1": 1999, "503": 1}, {}])
def test_whoever_is_not_expected_must_not_have_answered_and_somebody_must(counts: dict[str, int]) -> None:
    with pytest.raises(AssertionError, match="not split as expected"):
        Split(counts).close_to({"v1": 100, "v2": 0})


def test_weights_that_are_none_are_refused() -> None:
    for weights in ({}, {"v1": 0.0}, {"v1": -1.0, "v2": 101.0}):
        with pytest.raises(ValueError, match="weights are not negative, and not all 0"):
            Split({"v1": 1}).close_to(weights)


def test_the_limits_leave_out_as_much_as_they_say() -> None:
    low, high = plausible(10, 0.5, 0.02)

    assert (low, high) == (2, 8)  # P(X <= 1) = 11/1024 on either side, P(X <= 2) = 56/1024
