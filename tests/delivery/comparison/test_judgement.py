"""What is said of versions whose differences are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest
from tests.delivery.comparison.answers import REDACTION, ROUTE, answer, exchange
from tests.delivery.comparison.traffic import Version, add, judged, tallied, traffic

from turnout.delivery.comparison.difference import Difference, Outcome
from turnout.delivery.comparison.exchange import Exchange, Pair, Side
from turnout.delivery.comparison.expectation import Accepted, Expectations
from turnout.delivery.comparison.json_difference import ABSENT
from turnout.delivery.comparison.judgement import judge
from turnout.delivery.comparison.kind import Kind, Part
from turnout.delivery.comparison.tally import Bounds, Tally
from turnout.delivery.comparison.verdict import Class, Judgement, Standard, Verdict

REPORTED = (Class.REGRESSION, Class.DIFFERENCE)


def number(version: str, **more: Any) -> Version:
    """As random-number's endpoint answers."""
    return lambda random: answer({"number": random.randint(0, 50), "endpoint_version": version}, **more)


def one_in(share: float, rare: Version, usual: Version) -> Version:
    return lambda random: (rare if random.random() < share else usual)(random)


def lasting(version: Version, milliseconds: float = 0.0) -> Version:
    return lambda random: replace(version(random), duration_ms=milliseconds + random.lognormvariate(2, 0.5))


def reported(judgement: Judgement) -> dict[tuple[str, str], str]:
    return {(f.key.path, f.key.kind.value): f.verdict.value for f in judgement.findings(*REPORTED)}


def classes(judgement: Judgement) -> dict[tuple[str, str], str]:
    return {(f.key.path, f.key.kind.value): f.verdict.value for f in judgement.findings(*Class)}


def test_a_random_number_is_noise_and_the_version_a_difference() -> None:
    judgement = judged(number("v1"), number("v2"), 400, baseline=100)
    assert classes(judgement) == {
        ("$.endpoint_version", "value"): "difference",
        ("$.number", "value"): "noise",
        ("$.number", "distribution"): "noise",
    }
    assert judgement.verdict is Verdict.DIFFERENCE
    (finding,) = judgement.findings(Class.DIFFERENCE)
    assert {(example.stable, example.copy) for example in finding.examples} == {("v1", "v2")}
    assert len(finding.examples) == 5


def test_a_version_that_fails_is_a_regression() -> None:
    failing = one_in(0.2, lambda _: exchange("oops", media="text/plain", status=500), number("v1"))
    judgement = judged(number("v1"), failing, 200, baseline=100)
    assert reported(judgement) == {("status", "failed"): "regression"}
    assert judgement.verdict is Verdict.REGRESSION


def test_failures_that_stable_has_as_often_are_noise() -> None:
    failing = one_in(0.2, lambda _: exchange("oops", media="text/plain", status=500), number("v1"))
    judgement = judged(failing, failing, 600, baseline=300)
    assert reported(judgement) == {}
    assert classes(judgement)["status", "failed"] == "noise"


def test_a_field_that_is_missing_in_one_of_twenty_answers_is_found() -> None:
    lacking = one_in(0.05, lambda random: answer({"number": random.randint(0, 50)}), number("v1"))
    found = [reported(judged(number("v1"), lacking, 400, baseline=200, seed=seed)) for seed in range(12)]
    assert sum(each == {("$.endpoint_version", "missing"): "regression"} for each in found) >= 9


def test_another_content_type_is_a_regression() -> None:
    def page(random: Random) -> Exchange:
        return replace(number("v1")(random), headers=(("content-type", "text/html"), ("content-length", "1")))

    judgement = judged(number("v1"), page, 100, baseline=50)
    assert reported(judgement)["headers.content-type", "type"] == "regression"
    assert reported(judgement)["body", "type"] == "regression"


def test_a_candidate_that_leaves_requests_unanswered_or_breaks_off_is_a_regression() -> None:
    silent = one_in(0.3, lambda _: exchange(status=504, local_reply="UT"), number("v1"))
    assert reported(judged(number("v1"), silent, 100, baseline=50)) == {("response", "unanswered"): "regression"}
    cut = one_in(
        0.3, lambda _: exchange("", media="application/json", headers=(("content-length", "9"),)), number("v1")
    )
    assert reported(judged(number("v1"), cut, 100, baseline=50)) == {("body", "cut"): "regression"}


def test_thirty_milliseconds_more_are_found() -> None:
    slower = judged(lasting(number("v1")), lasting(number("v1"), 30), 60, baseline=30)
    assert reported(slower)["latency", "slower"] == "regression"
    assert reported(slower)["latency.p90", "slower"] == "regression"
    assert slower.verdict is Verdict.REGRESSION


def test_a_slow_tail_is_found_though_the_median_is_the_same() -> None:
    tail = one_in(0.1, lasting(number("v1"), 200), lasting(number("v1")))
    judgement = judged(lasting(number("v1")), tail, 800, baseline=400)
    assert ("latency.p99", "slower") in reported(judgement)
    assert ("latency.p50", "slower") not in reported(judgement)


def test_being_faster_is_reported_and_nobody_has_to_accept_it() -> None:
    faster = judged(lasting(number("v1"), 30), lasting(number("v1")), 100, baseline=50)
    assert reported(faster) == {("latency", "faster"): "difference"}
    assert faster.verdict in {Verdict.SAME, Verdict.UNSURE}


@pytest.mark.parametrize("baseline_ms", [1.0, 20.0, 90.0])
def test_a_second_copy_that_finds_stable_warm_or_busy_tells_nothing_of_the_candidate(baseline_ms: float) -> None:
    tally, random = Tally(), Random(1)
    for count in range(500):
        stable, candidate = (replace(lasting(number("v1"), 20)(random), key=str(count)) for _ in range(2))
        add(tally, stable, candidate)
        add(tally, stable, replace(lasting(number("v1"), baseline_ms)(random), key=str(count)), "baseline")
    assert reported(judge(tally, Expectations(), Standard())) == {}


def test_less_than_a_millisecond_is_nothing_to_users() -> None:
    quick = partial(lasting, number("v1"))
    assert reported(judged(quick(0.5), quick(1.1), 3_000, baseline=1_500)) == {}


def test_what_two_processes_differ_by_anyway_is_no_finding_however_sure_it_is() -> None:
    judgement = judged(lasting(number("v1"), 100), lasting(number("v1"), 100.4), 3_000, baseline=1_500)
    assert reported(judgement) == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (lambda random: random.gauss(10, 1), lambda random: random.gauss(12, 1)),
        (lambda random: random.choice("ab"), lambda random: random.choice("aaaaaaaab")),
        (lambda random: random.choice(["ok", "late", "lost"]), lambda random: random.choice(["ok", "late", "none"])),
        (lambda random: [0] * random.randint(3, 9), lambda random: [0] * random.randint(1, 5)),
        (lambda random: str(random.randint(100, 999)), lambda random: str(random.randint(0, 99))),
        (lambda random: f"id-{random.random()}", lambda random: f"id-{random.randint(0, 9999)}"),
    ],
    ids=[
        "normal",
        "as often another, but which",
        "a category",
        "a length",
        "numbers as text",
        "texts of other lengths",
    ],
)
def test_noise_of_another_distribution_is_a_difference(
    before: Callable[[Random], Any], after: Callable[[Random], Any]
) -> None:
    judgement = judged(lambda r: answer({"n": before(r)}), lambda r: answer({"n": after(r)}), 400, baseline=200)
    assert set(reported(judgement).values()) == {"difference"}
    words = [finding.words for finding in judgement.findings(Class.DIFFERENCE) if finding.words]
    assert words
    assert " against " in words[0]


def test_what_differs_though_it_should_not_and_cannot_be_told_yet_is_unclear() -> None:
    rare = one_in(0.05, lambda _: answer({}), lambda _: answer({"a": 1}))
    judgement = judged(lambda _: answer({"a": 1}), rare, 60, baseline=15, seed=5)
    (finding,) = judgement.findings(Class.UNCLEAR)
    assert judgement.verdict is Verdict.UNSURE
    assert not judgement.is_settled
    assert finding.is_open
    assert finding.needed is not None
    assert 100 < finding.needed < 3_000


def test_nothing_compared_is_never_the_same() -> None:
    assert judge(Tally(), Expectations(), Standard()).verdict is Verdict.UNSURE
    tally = Tally()
    tally.unpaired(ROUTE, "candidate", "lost", 100)
    assert judge(tally, Expectations(), Standard()).verdict is Verdict.UNSURE


def test_without_stables_second_answers_nobody_knows_what_is_noise() -> None:
    judgement = judged(number("v1"), number("v2"), 400, baseline=0)
    assert judgement.verdict is Verdict.UNSURE
    assert reported(judgement) == {}
    assert judgement.routes[0].detectable is None


def test_a_route_whose_copies_were_all_lost_keeps_it_unsure() -> None:
    tally = tallied(traffic(number("v1"), number("v1"), 1_000, baseline=500))
    assert judge(tally, Expectations(), Standard()).verdict is Verdict.SAME
    tally.unpaired("default/app other", "candidate", "lost", 3)
    assert judge(tally, Expectations(), Standard()).verdict is Verdict.SAME, "few: a route nobody uses"
    tally.unpaired("default/app other", "candidate", "lost", 300)
    assert judge(tally, Expectations(), Standard()).verdict is Verdict.UNSURE


def test_bodies_that_could_not_be_compared_are_not_equal() -> None:
    def brotli(random: Random) -> Exchange:
        return exchange(random.randbytes(20), media="text/plain", headers=(("content-encoding", "br"),))

    judgement = judged(brotli, brotli, 400, baseline=200)
    assert judgement.verdict is Verdict.UNSURE
    assert judgement.routes[0].pairs == 0


def test_the_same_is_said_with_what_would_have_been_found() -> None:
    judgement = judged(number("v1"), number("v1"), 1_000, baseline=500)
    assert judgement.verdict is Verdict.SAME
    assert judgement.is_settled
    detectable = judgement.routes[0].detectable
    assert detectable is not None
    rare = one_in(detectable, lambda _: answer({"number": 1}), number("v1"))
    found = [bool(reported(judged(number("v1"), rare, 1_000, baseline=500, seed=seed))) for seed in range(5)]
    assert sum(found) >= 3


def test_what_is_accepted_is_not_reported() -> None:
    expectations = Expectations((Accepted("$.endpoint_version", ("value",)), Accepted("$.gone")))
    judgement = judged(number("v1"), number("v2"), 1_000, baseline=500, expectations=expectations)
    assert reported(judgement) == {}
    assert classes(judgement)["$.endpoint_version", "value"] == "accepted"
    assert judgement.verdict is Verdict.SAME
    assert [each.path for each in judgement.unused] == ["$.gone"]


def test_other_kinds_of_an_accepted_path_are_reported() -> None:
    expectations = Expectations((Accepted("$.endpoint_version", ("value",)),))
    lacking = lambda random: answer({"number": random.randint(0, 50)})  # noqa: E731 as short as its fellows
    judgement = judged(number("v1"), lacking, 200, baseline=100, expectations=expectations)
    assert reported(judgement) == {("$.endpoint_version", "missing"): "regression"}


def test_who_accepts_latency_accepts_it_at_every_quantile() -> None:
    expectations = Expectations((Accepted("latency"),))
    judgement = judged(lasting(number("v1")), lasting(number("v1"), 30), 60, baseline=30, expectations=expectations)
    assert reported(judgement) == {}
    assert not judgement.unused


def test_routes_are_told_apart() -> None:
    tally = Tally()
    for route, candidate in (("a", number("v1", status=500)), ("b", number("v1"))):
        pairs = traffic(number("v1", route=route), candidate, 100, baseline=50)
        tally.merge(tallied(pairs))
    judgement = judge(tally, Expectations(), Standard())
    assert [(f.key.route, f.key.path) for f in judgement.findings(*REPORTED)] == [("a", "status")]


def body_of(fields: int, random: Random) -> dict[str, Any]:
    """Fields that change always, often, now and then; numbers, categories and texts; and some that come and go."""
    draws: Sequence[Callable[[], Any]] = (
        random.random,
        lambda: random.randrange(4),
        lambda: random.choice(["rare", *["usual"] * 9]),
        lambda: 1 if random.random() < 0.01 else 0,
        lambda: None if random.random() < 0.2 else 1,
    )
    body = {f"f{number}": draws[number % 5]() for number in range(fields)}
    return {name: value for name, value in body.items() if value is not None}


def noisy(random: Random) -> Exchange:
    return answer(body_of(10, random), duration_ms=random.lognormvariate(2, 0.5))


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    """As if they had been sent and read, and a hundred times faster."""
    for name, value in one.items():
        if name not in other:
            yield Difference(f"$.{name}", Kind.MISSING, name, value, ABSENT)
        elif value != other[name]:
            sample = float(other[name]) if isinstance(value, (int, float)) else str(other[name])
            yield Difference(f"$.{name}", Kind.VALUE, name, value, other[name], sample)
    for name, value in other.items():
        if name not in one:
            yield Difference(f"$.{name}", Kind.EXTRA, name, ABSENT, value)


def identical(fields: int, pairs: int, baseline: int, seed: int) -> Tally:
    """One version, compared with itself."""
    tally, random = Tally(Bounds(examples=0)), Random(seed)
    for count in range(pairs):
        stable = body_of(fields, random)
        sides: Sequence[Side] = ("candidate", "baseline") if count < baseline else ("candidate",)
        for side in sides:
            one, other = (exchange(key=f"{seed}-{count}", duration_ms=random.lognormvariate(2, 1)) for _ in range(2))
            found = tuple(differing(stable, body_of(fields, random)))
            tally.add(Pair(one, other, side), Outcome(frozenset(Part), found), REDACTION)
    return tally


def false_reports(runs: int, fields: int, pairs: int, baseline: int) -> int:
    """In how many comparisons of identical versions something is reported, with 5 % of false discoveries allowed."""
    standard = Standard(false_discoveries=0.1)  # half of which is for the first look
    tallies = (identical(fields, pairs, baseline, seed) for seed in range(runs))
    return sum(bool(reported(judge(tally, Expectations(), standard))) for tally in tallies)


def test_identical_versions_are_rarely_told_to_differ() -> None:
    """All fields are noise, so any report is a false one."""
    assert false_reports(300, 50, 30, 15) <= 24, "at 5 % the chance of more is 1 in 100"


@pytest.mark.soak
@pytest.mark.parametrize(("pairs", "baseline"), [(120, 120), (400, 100)])
def test_identical_versions_are_rarely_told_to_differ_after_more_pairs(pairs: int, baseline: int) -> None:
    assert false_reports(300, 50, pairs, baseline) <= 24


def test_looking_again_and_again_does_not_make_it_worse() -> None:
    """Eight looks, each at twice as many pairs: the rate holds for all of them together."""
    false = 0
    for seed in range(40):
        tally, look = Tally(), 0
        for count, pair in enumerate(traffic(noisy, noisy, 128, baseline=64, seed=seed), start=1):
            tally.merge(tallied([pair]))
            if count in (3, 6, 12, 24, 48, 96, 192):
                look += 1
                if reported(judge(tally, Expectations(), Standard(look=look))):
                    false += 1
                    break
    assert false <= 6
