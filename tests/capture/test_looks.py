"""When a comparison is judged, and how much of what comes is captured."""

from __future__ import annotations

import pytest

from turnout.capture.looks import FIRST_PAIRS, Looks
from turnout.capture.tap import OF_A_PART, OF_ALL, Pace, Scope
from turnout.capture.thinning import FIRST, PERCENTS, Thinning
from turnout.delivery.sample import ALL, Sample


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


@pytest.mark.parametrize("pace", [OF_ALL, OF_A_PART])
def test_few_requests_are_all_captured_within_seconds(pace: Pace) -> None:
    thinning, batches = Thinning(pace.batches), 0
    while thinning.percent < 100:
        thinning.heed(1.0, 0.1)
        batches += 1
    assert batches <= 2


@pytest.mark.parametrize("pace", [OF_ALL, OF_A_PART])
@pytest.mark.parametrize("per_second", [50, 120, 290, 450, 1000, 3000, 4000, 20_000])
def test_the_captured_part_settles_and_fits(per_second: float, pace: Pace) -> None:
    """Batches are full, or last a second."""
    thinning, shares = Thinning(pace.batches), []
    for _ in range(40):
        rate = per_second * thinning.percent / 100 / pace.traces
        thinning.heed(min(1.0, 1 / rate), min(1.0, rate))
        shares.append(thinning.percent / 100)
    assert len(set(shares[20:])) == 1, "it settles"
    most = pace.traces * pace.batches
    assert per_second * shares[-1] <= most or (pace, thinning.percent) == (OF_A_PART, PERCENTS[-1])
    assert shares[-1] == 1 or per_second * shares[-1] >= 0.32 * most, "no less than need be"


def test_of_a_part_less_is_captured_than_of_all_requests() -> None:
    assert Scope(ALL.regex, 1).pace == Scope(".*", 1).pace == OF_ALL
    assert Scope(Sample(16).regex, 1).pace == OF_A_PART


def test_it_never_captures_nothing_and_begins_small() -> None:
    thinning = Thinning(OF_ALL.batches)
    assert thinning.percent == PERCENTS[FIRST]
    for _ in range(100):
        thinning.heed(0.001, 1.0)
    assert thinning.percent == PERCENTS[-1]


def test_a_batch_that_is_full_by_chance_says_nothing() -> None:
    thinning = Thinning(OF_A_PART.batches)
    for seconds in (0.05, 0.3, 0.3) * 20:
        thinning.heed(seconds, 1.0)
    assert thinning.percent == PERCENTS[FIRST]
