"""A guard says worse or fine when it is proven, else what it needs; of no traffic it says nothing."""

from __future__ import annotations

import pytest

from turnout.delivery.evidence import NOTHING, Counts, Stream
from turnout.delivery.guard import Guard, Judgement, Levels, judged, opened, requests_needed, restarted, verdict

ERRORS = Guard("errors", "errors", 0.01)
LEVELS = Levels(worse=0.05 / 3, fine=0.05)


def block(bad: int, total: int, stable_bad: int, stable_total: int) -> Counts:
    return Counts(Stream(bad, total), Stream(stable_bad, stable_total))


def after(*looks: Counts) -> Judgement:
    judgement = opened(ERRORS, LEVELS)
    for look in looks:
        judgement = judged(judgement, ERRORS, LEVELS, look)
    return judgement


def test_three_failures_beside_next_to_none_are_worse() -> None:
    told = verdict(after(*[block(0, 20, 2, 1980)] * 5, block(3, 20, 2, 1980)), ERRORS, LEVELS, 60.0)

    assert told.kind == "worse"
    assert told.words == "errors: worse, 3 of 120 (2.5 %) failed; of stable's, 12 of 11,880 (0.1 %)"
    assert told.increase == pytest.approx(0.024, abs=1e-3)
    assert told.bounds[0] >= 0, "what is proven is not left open by the interval"


def test_enough_requests_without_a_difference_are_fine() -> None:
    told = verdict(after(*[block(0, 20, 2, 1980)] * 30), ERRORS, LEVELS, 300.0)

    assert told.kind == "fine"
    assert told.bounds[1] <= ERRORS.tolerance
    assert told.requests is None


def test_a_small_increase_that_is_tolerated_becomes_fine_although_it_is_certain() -> None:
    looks = [block(int(at % 10 == 5), 20, 2, 1980) for at in range(400)]
    judgement, kinds = opened(ERRORS, LEVELS), set[str]()
    for look in looks:
        judgement = judged(judgement, ERRORS, LEVELS, look)
        kinds.add(verdict(judgement, ERRORS, LEVELS, 60.0).kind)

    assert kinds == {"open", "fine"}
    assert judgement.worse.total >= 1 / LEVELS.worse


def test_too_few_requests_say_how_many_more_and_how_long_that_takes() -> None:
    told = verdict(after(*[block(0, 20, 2, 1980)] * 5), ERRORS, LEVELS, 50.0)

    assert told.kind == "open"
    assert told.requests is not None
    assert 150 <= told.requests <= 500
    assert told.seconds == pytest.approx(told.requests / 2)
    assert f"need about {told.requests} more requests, ~" in told.words
    assert "min at this rate" in told.words


def test_it_needs_about_as_many_as_it_says() -> None:
    judgement, needed = after(block(0, 2, 0, 198)), 0
    told = verdict(judgement, ERRORS, LEVELS, 1.0)
    foretold = told.requests or 0
    while verdict(judgement, ERRORS, LEVELS, 1.0).kind == "open":
        judgement = judged(judgement, ERRORS, LEVELS, block(0, 2, int(needed % 10 == 4), 198))
        needed += 2

    assert foretold / 2 <= needed <= 2 * foretold


def test_what_a_step_will_need_is_known_before_it() -> None:
    assert requests_needed(ERRORS, LEVELS, stable_share=0.001, weight=0.01) == 500
    assert requests_needed(Guard("p99", "slow", 0.05, 0.99), LEVELS, stable_share=0.01, weight=0.01) <= 120


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        ([], "errors: no candidate traffic yet"),
        ([NOTHING] * 1000, "errors: no candidate traffic yet"),
        ([block(0, 0, 5, 1000)] * 1000, "errors: no candidate traffic yet"),
        ([block(9, 9, 0, 0)] * 1000, "errors: no stable traffic yet"),
    ],
)
def test_no_traffic_is_never_a_verdict(looks: list[Counts], words: str) -> None:
    told = verdict(after(*looks), ERRORS, LEVELS, 1000.0)

    assert (told.kind, told.words) == ("open", words)
    assert (told.increase, told.bounds, told.requests, told.seconds) == (None, (-1.0, 1.0), None, None)


def test_requests_that_come_one_by_one_wait_for_something_to_compare_with() -> None:
    """At one request a second and 1 %, hardly any second has both."""
    slowly = [*[block(0, 0, 0, 1)] * 99, block(0, 1, 0, 0)]

    told = verdict(after(*slowly * 500), ERRORS, LEVELS, 50_000.0)

    assert told.kind == "fine"


def test_a_version_that_is_alone_for_hours_is_not_remembered_for_ever() -> None:
    alone = after(*[block(0, 0, 0, 900)] * 1000)

    assert alone.waiting.stable.total <= 20_000
    assert alone.seen.stable.total == 900_000


def test_a_new_step_needs_its_own_proof_of_fine_and_keeps_what_speaks_for_worse() -> None:
    fine = after(*[block(0, 20, 2, 1980)] * 30)
    assert verdict(fine, ERRORS, LEVELS, 300.0).kind == "fine"

    anew = restarted(fine, ERRORS, LEVELS)

    assert verdict(anew, ERRORS, LEVELS, 0.0).kind == "open"
    assert anew.worse.total == fine.worse.total
    assert anew.learned == fine.learned


def test_fine_is_taken_back_when_what_follows_speaks_against_it() -> None:
    judgement = after(*[block(0, 20, 2, 1980)] * 30)
    for _ in range(6):
        judgement = judged(judgement, ERRORS, LEVELS, block(2, 20, 2, 1980))

    assert verdict(judgement, ERRORS, LEVELS, 330.0).kind != "fine"


def test_what_turns_bad_after_an_hour_is_worse_within_a_minute() -> None:
    judgement = after(*[block(int(at % 100 == 50), 10, int(at % 10 == 5), 90) for at in range(3600)])
    for _ in range(60):
        judgement = judged(judgement, ERRORS, LEVELS, block(1, 10, 0, 90))

    assert verdict(judgement, ERRORS, LEVELS, 3660.0).kind == "worse"


def test_one_more_failure_does_not_take_fine_back() -> None:
    judgement = judged(after(*[block(0, 20, 2, 1980)] * 30), ERRORS, LEVELS, block(1, 20, 2, 1980))

    assert verdict(judgement, ERRORS, LEVELS, 310.0).kind == "fine"


def test_an_increase_that_lies_between_may_be_beyond_any_number_of_requests() -> None:
    """What looks like seven tenths of the tolerance is hardly worse and hardly fine."""
    looks = [block(14, 1000, 100, 10_000)] * 3
    told = verdict(after(*looks), ERRORS, LEVELS, 60.0)

    assert told.kind == "open"
    assert told.requests is None or told.requests > 1000


def test_a_look_that_brings_nothing_changes_nothing() -> None:
    alone = after(*[block(0, 0, 0, 900)] * 100)

    assert judged(alone, ERRORS, LEVELS, NOTHING) is alone


def test_a_limit_that_stable_itself_is_above_tells_nothing() -> None:
    """Such as one that was fixed before the day's traffic came: 30 ms more are then found fine, by the letter."""
    slow, levels = Guard("slow", "slow", 0.25, 0.5), Levels(0.05, 0.05)
    judgement = opened(slow, levels)
    for _ in range(20):
        judgement = judged(judgement, slow, levels, Counts(Stream(50, 50), Stream(198, 200)))
    told = verdict(judgement, slow, levels, 20.0)

    assert (told.kind, told.seen.candidate.total) == ("open", 1000)
    assert "stable itself is slower than the limit by now" in told.words
