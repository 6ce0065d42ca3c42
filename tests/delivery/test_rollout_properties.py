"""What holds for every plan, every traffic, and whatever somebody does in between."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.delivery.traffic import Bad, Rollout, Service

from turnout.delivery import record, rollout
from turnout.delivery.guard import Guard
from turnout.delivery.plan import STABLE, Plan, Routing, Stage, guards, routing, unfit
from turnout.delivery.rollout import ENDED, Step

ERRORS = Guard("errors", "errors", 0.2)
SLOW = Guard("slow", "slow", 0.3, 0.9)
ANSWERS = Guard("answers", "regressions", 0.2)
GUARDS = (ERRORS, SLOW, ANSWERS)
"""With tolerances so large that a few hundred requests decide."""

MOST_SECONDS = 240.0

patient = settings(deadline=None)
"""How long an example takes is a matter of how much of a rollout it plays."""

shares = st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])


@st.composite
def stages(draw: st.DrawFn, *, until_resumed: bool) -> tuple[Stage, ...]:
    tenths = sorted(draw(st.sets(st.integers(1, 1000), min_size=1, max_size=4)))
    weights = [Stage("weight", Decimal(each) / 10, min_seconds=10.0, max_seconds=MOST_SECONDS) for each in tenths]
    before = [
        Stage("compare", Decimal(25), min_seconds=10.0, max_seconds=MOST_SECONDS),
        Stage("mirror", Decimal(100), min_seconds=10.0, max_seconds=MOST_SECONDS),
        Stage("users", users="x-tester", min_seconds=10.0, max_seconds=MOST_SECONDS),
    ]
    found = [stage for stage in before if draw(st.booleans())] + weights
    if draw(st.booleans()):
        forever = until_resumed and draw(st.booleans())
        pause = Stage("pause", min_seconds=10.0, max_seconds=MOST_SECONDS, until_resumed=forever)
        found.insert(draw(st.integers(0, len(found) - 1)), pause)
    return tuple(found)


@st.composite
def plans(draw: st.DrawFn, *, until_resumed: bool = True) -> Plan:
    plan = Plan(draw(stages(until_resumed=until_resumed)), GUARDS, on_timeout=draw(st.sampled_from(["hold", "abort"])))
    if unfit(plan):  # 100 % alone
        plan = replace(
            plan, stages=(Stage("weight", Decimal(1), min_seconds=10.0, max_seconds=MOST_SECONDS), *plan.stages)
        )
    return plan


@dataclass(frozen=True)
class Minute:
    """What is drawn for some looks: traffic, and what people and machines do."""

    bad: Bad
    rate: float
    looks: int
    seconds: float
    astray: Routing | None
    seen: bool
    ready: tuple[bool, bool]
    by_hand: str
    new_counters: bool


def minute(
    bad: st.SearchStrategy[Bad],
    rate: st.SearchStrategy[float],
    ready: st.SearchStrategy[tuple[bool, bool]],
    seconds: st.SearchStrategy[float],
) -> st.SearchStrategy[Minute]:
    """Mostly, nobody interferes."""
    return st.builds(
        Minute,
        bad=bad,
        rate=rate,
        looks=st.integers(1, 15),
        seconds=seconds,
        astray=st.sampled_from([None, None, None, None, STABLE, Routing(50, 50)]),
        seen=st.sampled_from([True, True, True, True, False]),
        ready=ready,
        by_hand=st.sampled_from(["", "", "", "", "", "pause", "resume"]),
        new_counters=st.sampled_from([False, False, False, False, True]),
    )


def same(share: float) -> Bad:
    return dict.fromkeys((guard.name for guard in GUARDS), (share, share))


BOTH = (True, True)
busy = st.just(500.0)
any_traffic = minute(
    st.fixed_dictionaries({guard.name: st.tuples(shares, shares) for guard in GUARDS}),
    st.sampled_from([0.0, 0.3, 20.0, 500.0]),
    st.tuples(st.booleans(), st.booleans()),
    st.sampled_from([0.0, 1.0, 15.0]),
)
good_traffic = minute(shares.map(same), busy, st.sampled_from([BOTH, BOTH, (True, False)]), st.sampled_from([1.0, 5.0]))
bad_traffic = minute(
    st.just(dict.fromkeys((guard.name for guard in GUARDS), (0.9, 0.1))),
    busy,
    st.sampled_from([BOTH, (True, False), (False, False)]),
    st.just(1.0),
)
no_traffic = minute(st.just({}), st.just(0.0), st.just(BOTH), st.just(15.0))


@dataclass(frozen=True)
class Course:
    """How long all goes well, and what then happens."""

    plan: Plan
    good_looks: int
    minutes: list[Minute]


def courses(*, until_resumed: bool = True) -> st.SearchStrategy[Course]:
    """Without `until_resumed`, no pause waits for somebody."""
    some = st.one_of(good_traffic, good_traffic, any_traffic, bad_traffic, no_traffic)
    minutes = st.lists(some, max_size=10)
    return st.builds(Course, plans(until_resumed=until_resumed), st.integers(0, 60), minutes)


def play(run: Rollout, minute: Minute) -> list[tuple[Step, Step]]:
    """Each step, after the one before."""
    service = run.service
    service.bad, service.rate = minute.bad, minute.rate
    service.candidate_ready, service.stable_ready = minute.ready
    if minute.new_counters:
        service.so_far.clear()
        service.epoch += "'"
    if minute.astray:
        run.in_force = minute.astray
    if minute.by_hand == "pause":
        run.take(rollout.pause(run.plan, run.state, "by hand"))
    if minute.by_hand == "resume":
        run.take(rollout.resume(run.plan, run.state, run.now))
    return [(run.last, run.look(minute.seconds, seen=minute.seen)) for _ in range(minute.looks)]


def played(course: Course) -> tuple[Rollout, list[tuple[Step, Step]]]:
    """And where it led."""
    run = Rollout(course.plan, Service(course.plan, 500.0, same(0.01)))
    good = [(run.last, run.look(2.0)) for _ in range(course.good_looks)]
    return run, good + [pair for minute in course.minutes for pair in play(run, minute)]


@patient
@given(courses(), no_traffic)
def test_the_weight_rises_only_when_every_guard_of_the_step_says_fine_on_requests_that_just_came(
    course: Course, silence: Minute
) -> None:
    run, pairs = played(course)
    for before, after in pairs + play(run, silence):
        decision = after.decision
        if decision.routing.weight <= before.decision.routing.weight:
            continue
        assert (before.state.phase, after.state.phase, decision.action) == ("running", "running", "apply")
        asked = guards(course.plan, before.state.at)
        assert [verdict.guard for verdict in decision.verdicts] == [guard.name for guard in asked], "none is skipped"
        assert {verdict.kind for verdict in decision.verdicts} <= {"fine"}
        assert asked or not routing(course.plan, before.state.at).exposes
        if asked:
            then, now = before.state.seen, after.state.seen
            assert then is not None
            assert now is not None
            assert now.candidate > then.candidate, "without requests there is nothing to go by"
            assert now.candidate_ready
            assert now.stable_ready


@patient
@given(courses(), bad_traffic)
def test_whatever_is_worse_goes_back_at_once_unless_there_is_nowhere_to_go(course: Course, trouble: Minute) -> None:
    run, pairs = played(course)
    for before, after in pairs + play(run, trouble):
        if before.state.phase in ENDED or not any(v.kind == "worse" for v in after.decision.verdicts):
            continue
        seen = after.state.seen
        assert seen is not None
        if seen.candidate_ready and not seen.stable_ready and routing(course.plan, before.state.at).candidate:
            assert (after.decision.action, after.state.phase) == ("halt", "halted")
            assert after.decision.routing == before.decision.routing
        else:
            assert (after.decision.action, after.state.phase) == ("abort", "aborted")
            assert after.decision.routing == STABLE


@patient
@given(courses())
def test_steps_follow_each_other_and_none_is_left_out(course: Course) -> None:
    for before, after in played(course)[1]:
        assert after.state.at - before.state.at in {0, 1}
        if after.state.phase == "finished":
            assert after.state.at == len(course.plan.steps) - 1


@patient
@given(courses())
def test_weights_total_100_or_1000_and_are_those_of_the_step(course: Course) -> None:
    for _, after in played(course)[1]:
        asked = after.decision.routing
        assert asked.stable + asked.candidate in {100, 1000}
        assert asked == (STABLE if after.state.phase == "aborted" else routing(course.plan, after.state.at))


@patient
@given(courses())
def test_what_has_ended_stays_ended(course: Course) -> None:
    for before, after in played(course)[1]:
        if before.state.phase in ENDED:
            assert after.state == before.state
            assert after.decision.action == "wait"


@patient
@given(courses())
def test_a_state_is_stored_and_read_without_loss(course: Course) -> None:
    for _, after in played(course)[1]:
        assert record.from_json(json.loads(json.dumps(record.as_json(after.state), allow_nan=False))) == after.state


@patient
@given(courses())
def test_a_look_that_is_taken_twice_counts_once(course: Course) -> None:
    for _, after in played(course)[1]:
        again = rollout.step(course.plan, after.state, after.state.seen, after.state.looked_at)
        assert again.state.judgements == after.state.judgements
        assert again.state.counted_seconds == after.state.counted_seconds
        assert again.decision.routing.weight <= after.decision.routing.weight


@settings(max_examples=50, deadline=None)
@given(courses(until_resumed=False), st.floats(1.0, 60.0))
def test_it_ends_or_waits_for_somebody_after_the_time_of_all_its_steps(course: Course, seconds: float) -> None:
    """Whatever came before, and without any traffic from then on; stable is healthy, or it would wait for that."""
    run, _ = played(course)
    run.service.rate, run.service.stable_ready = 0.0, True
    most, began = sum(stage.max_seconds or 0.0 for stage in course.plan.steps), run.now
    run.look(seconds)
    while run.state.phase == "running" and run.now - began <= most + seconds:
        run.look(seconds)

    assert run.state.phase in {"aborted", "finished", "paused"}
    if course.plan.on_timeout == "abort" and all(minute.by_hand != "pause" for minute in course.minutes):
        assert run.state.phase in ENDED


@settings(max_examples=15, deadline=None)
@given(plans(until_resumed=False))
def test_a_candidate_as_good_as_stable_is_promoted(plan: Plan) -> None:
    run = Rollout(plan, Service(plan, 500.0, same(0.01)))

    assert run.end().decision.action == "finish"
