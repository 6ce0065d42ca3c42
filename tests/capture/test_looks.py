"""When a comparison is judged, and how much of what comes is captured."""

from __future__ import annotations

import re

import pytest

from turnout.capture.looks import FIRST_PAIRS, Looks
from turnout.capture.tap import MOST_TRACES
from turnout.capture.thinning import FIRST_STEPS, MOST_STEPS, Thinning


def test_looks_are_few_however_often_somebody_asks() -> None:
    looks = Looks()
    taken = [(looks.take(pairs), pairs) for pairs in range(FIRST_PAIRS * 64 + 1) if looks.is_due(pairs)]
    assert taken == [(number + 1, FIRST_PAIRS << number) for number in range(7)]


def test_pairs_that_come_in_heaps_are_looked_at_once() -> None:
    looks = Looks()
    assert looks.take(FIRST_PAIRS * 9) == 1
    assert not looks.is_due(FIRST_PAIRS * 15)
    assert looks.is_due(FIRST_PAIRS * 16)


@pytest.mark.parametrize("pairs", [0, FIRST_PAIRS - 1, FIRST_PAIRS, FIRST_PAIRS * 7, FIRST_PAIRS * 8, 1_000_000])
def test_another_process_goes_on_counting_where_the_last_one_was(pairs: int) -> None:
    alone, resumed = Looks(), Looks(pairs)
    for each in range(FIRST_PAIRS, pairs + 1) if pairs < 1000 else ():
        if alone.is_due(each):
            alone.take(each)
    assert not resumed.is_due(pairs)
    assert resumed.is_due(max(FIRST_PAIRS, 2 * pairs))
    if pairs < 1000:
        assert resumed.number == alone.number


def test_few_requests_are_all_captured_within_seconds() -> None:
    thinning, batches = Thinning(), 0
    while thinning.share < 1:
        thinning.heed(1.0, 0.1)
        batches += 1
    assert batches <= 2
    assert thinning.regex is None


@pytest.mark.parametrize("per_second", [50, 120, 290, 450, 1000, 3000, 20_000])
def test_the_captured_part_settles_and_fits(per_second: float) -> None:
    """Batches are full, or last a second."""
    thinning, shares = Thinning(), []
    for _ in range(40):
        rate = per_second * thinning.share / MOST_TRACES
        thinning.heed(min(1.0, 1 / rate), min(1.0, rate))
        shares.append(thinning.share)
    assert len(set(shares[10:])) == 1, "it settles"
    assert per_second * shares[-1] <= 250
    assert shares[-1] == 1 or per_second * shares[-1] >= 80, "no less than need be"


def test_what_is_captured_of_a_part_is_a_part_of_it() -> None:
    """So that pairs under way stay whole when it becomes less."""
    ids = [f"{number:08x}-0000" for number in range(0, 1 << 32, 65_537)]
    thinning, before = Thinning(), set(ids)
    while thinning.share > 2**-MOST_STEPS:
        regex = re.compile(thinning.regex or ".*")
        kept = {each for each in ids if regex.fullmatch(each)}
        assert kept <= before
        assert len(kept) / len(ids) == pytest.approx(thinning.share, rel=0.15)
        before = kept
        thinning.heed(0.01, 1.0)


def test_it_never_captures_nothing_and_begins_small() -> None:
    thinning = Thinning()
    assert thinning.share == 2**-FIRST_STEPS
    for _ in range(100):
        thinning.heed(0.001, 1.0)
    assert thinning.share == 2**-MOST_STEPS
