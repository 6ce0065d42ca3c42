"""Did you mean …? Also where there are very many names."""

from __future__ import annotations

import time

import pytest

from turnout.analysis.hint import MOST_COMPARED, hint_for

MANY = tuple(f"service-{number:04d}" for number in range(1000))


@pytest.mark.parametrize("wanted", ["servce-0500", "serviice-0500", "servize-0500", "sevrice-0500", "Service-0500"])
def test_one_slip_is_found_among_many_names(wanted: str) -> None:
    assert hint_for(wanted, MANY, "Services") == "did you mean service-0500?"


def test_more_slips_are_found_among_few_names() -> None:
    assert hint_for("serviz-500", MANY[450:550], "Services") == "did you mean service-0500?"
    assert len(MANY[450:550]) <= MOST_COMPARED


def test_what_is_like_nothing_gets_the_first_names() -> None:
    assert hint_for("x", ("a", "b"), "Services") == "known Services: a, b"
    assert hint_for("x", MANY, "Services").endswith("service-0009, …")
    assert hint_for("x", (), "Services") == "there are no Services yet"


def test_thousands_of_misspelt_names_among_as_many_take_no_long_time() -> None:
    begun = time.perf_counter()
    for name in MANY:
        hint_for(f"{name}x", MANY, "Services")
    assert time.perf_counter() - begun < 2
