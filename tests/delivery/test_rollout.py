"""A rollout moves on when all guards are fine, goes back when one is worse, and waits when nothing is known."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.delivery.traffic import Rollout, Service

from turnout.delivery import record, rollout
from turnout.delivery.evidence import Counts, Evidence, Stream
from turnout.delivery.guard import Guard
from turnout.delivery.plan import STABLE, Plan, Routing, Stage

ERRORS = Guard("errors", "errors", 0.01)
SLOW = Guard("p90", "slow", 0.05, 0.9)
DIFFERENCES = Guard("answers", "regressions", 0.01)


def weight(percent: str, **more: float | None) -> Stage:
    return Stage("weight", Decimal(percent), **more)  # type: ignore[arg-type]  # seconds only


PLAN = Plan((weight("1"), weight("5"), weight("25"), weight("50")), (ERRORS, SLOW))
HEALTHY = {"errors": (0.001, 0.001), "p90": (0.1, 0.1)}


def started(plan: Plan = PLAN, bad: dict[str, tuple[float, float]] | None = None, rate: float = 200.0) -> Rollout:
    return Rollout(plan, Service(plan, rate, HEALTHY if bad is None else bad))


# --- on


def test_a_healthy_candidate_is_promoted_step_by_step() -> None:
    run = started()

    last = run.end()

    assert last.decision.action == "finish"
    assert [step.decision.routing for step in run.steps if step.decision.action == "apply"] == [
        Routing(99, 1),
        Routing(95, 5),
        Routing(75, 25),
        Routing(50, 50),
        Routing(0, 100),
    ]


def test_each_step_up_tells_that_all_of_its_guards_are_fine() -> None:
    run = started()
    run.end()

    raised = [step.decision for step in run.steps[1:] if step.decision.action == "apply"]
    assert [{v.guard: v.kind for v in decision.verdicts} for decision in raised] == [
        {"errors": "fine", "p90": "fine"}
    ] * 4


def test_compare_mirror_users_and_weights_follow_each_other() -> None:
    stages = (
        Stage("compare", Decimal(25)),
        Stage("mirror", Decimal(50)),
        Stage("users", users="x-tester"),
        weight("10"),
    )
    run = started(Plan(stages, (ERRORS, DIFFERENCES)), {"errors": (0.001, 0.001), "answers": (0.002, 0.002)})

    assert run.end().decision.action == "finish"
    assert [step.state.at for step in run.steps if step.decision.action == "apply"] == [0, 1, 2, 3, 4]


def test_a_step_takes_its_shortest_time_even_when_all_is_proven() -> None:
    run = started(Plan((weight("50", min_seconds=300.0),), (ERRORS,)))

    run.at(1)

    assert run.now - 1_000_000 > 300
    assert "11 s of weight 50 % are left" in [step.decision.why for step in run.steps]


def test_a_finished_rollout_stays_so() -> None:
    run = started()
    run.end()

    again = run.look()

    assert (again.decision.action, again.decision.routing) == ("wait", Routing(0, 100))


# --- back


def test_a_candidate_that_fails_is_taken_back_after_a_few_of_its_requests() -> None:
    run = started(bad={"errors": (0.02, 0.001), "p90": (0.1, 0.1)})

    last = run.end()

    assert (last.decision.action, last.decision.routing, last.state.phase) == ("abort", STABLE, "aborted")
    assert last.decision.why.startswith("errors: worse, 3 of 1")
    assert run.service._whole("candidate") <= 200


def test_a_slow_candidate_is_taken_back_too() -> None:
    run = started(bad={"errors": (0.001, 0.001), "p90": (0.4, 0.1)})

    assert run.end().decision.why.startswith("p90: worse")


def test_what_turns_bad_during_a_later_step_is_taken_back() -> None:
    run = started()
    run.at(2)
    run.service.bad = {"errors": (0.05, 0.001), "p90": (0.1, 0.1)}

    assert run.end().decision.action == "abort"
    assert run.state.at == 2


def test_an_outage_of_both_versions_is_no_reason_to_go_back() -> None:
    run = started()
    run.at(1)
    run.service.bad = {"errors": (0.6, 0.6), "p90": (0.5, 0.5)}
    for _ in range(12):
        run.look(10.0)
    assert run.state.phase == "running"

    run.service.bad = HEALTHY
    assert run.end().decision.action == "finish"


def test_an_aborted_rollout_stays_with_stable() -> None:
    run = started(bad={"errors": (0.5, 0.0), "p90": (0.0, 0.0)})
    run.end()
    run.service.bad = HEALTHY

    again = run.look()

    assert (again.decision.action, again.decision.routing) == ("wait", STABLE)


# --- the only healthy copy


def test_when_the_candidate_is_the_only_healthy_copy_nothing_moves_until_stable_is_back() -> None:
    run = started()
    run.at(3)
    run.service.stable_ready = False
    run.service.bad = {"errors": (0.3, 0.001), "p90": (0.1, 0.1)}

    halted = run.end()
    assert (halted.decision.action, halted.decision.routing) == ("halt", Routing(50, 50))
    assert halted.decision.why.endswith("stable has no healthy copy to go back to")
    assert run.look().decision.action == "halt"

    run.service.stable_ready = True
    assert run.look().decision.action == "abort"


def test_while_promoting_a_candidate_without_healthy_copies_is_taken_back() -> None:
    run = started(Plan((weight("50"), weight("100", min_seconds=600.0)), (ERRORS,)))
    run.at(1)
    run.look()
    run.service.candidate_ready = False

    assert run.look().decision.action == "abort"


def test_while_promoting_it_stays_when_there_is_nothing_to_go_back_to() -> None:
    run = started(Plan((weight("50"), weight("100", min_seconds=60.0)), (ERRORS,)))
    run.at(1)
    run.service.stable_ready = False

    assert rollout.abort(run.plan, run.look().state, "somebody said so").decision.action == "halt"


def test_without_a_healthy_stable_there_is_no_next_step() -> None:
    run = started()
    run.service.stable_ready = False
    for _ in range(100):
        run.look(10.0)

    assert run.state.at == 0
    assert run.last.decision.why == "stable has no healthy copy to compare with"


# --- nothing is known


def test_without_traffic_no_time_is_long_enough() -> None:
    run = started(Plan((weight("1", max_seconds=None),), (ERRORS,)), rate=0.0)
    for _ in range(200):
        run.look(3600.0)

    assert (run.state.at, run.state.phase) == (0, "running")
    assert run.last.decision.why == "weight 1 % is asked for; seen is no traffic"


def test_without_looks_no_time_is_long_enough_even_when_all_was_fine() -> None:
    run = started(Plan((weight("50", min_seconds=120.0, max_seconds=None),), (ERRORS,)))
    for _ in range(100):
        run.look()
    assert [verdict.kind for verdict in run.last.decision.verdicts] == ["fine"]

    for _ in range(100):
        run.look(60.0, seen=False)

    assert run.state.at == 0


def test_when_traffic_stops_all_that_was_fine_is_not_enough() -> None:
    run = started(Plan((weight("50", min_seconds=120.0, max_seconds=None),), (ERRORS,)))
    for _ in range(100):
        run.look()
    run.service.rate = 0.0
    for _ in range(1000):
        run.look()

    assert (run.state.at, run.last.decision.why) == (0, "no traffic")


def test_a_guard_that_nobody_counts_is_never_fine() -> None:
    run = started(bad=HEALTHY)
    for _ in range(200):
        run.now += 10
        evidence = run.service.look(run.in_force, 10.0)
        without = replace(evidence, guards={"errors": evidence.guards["errors"]})
        run.take(rollout.step(run.plan, run.state, without, run.now))

    assert run.state.at == 0
    assert run.last.decision.why == "p90: no candidate traffic yet"


def test_evidence_counts_only_while_the_split_is_as_asked_for() -> None:
    run = started(bad={"errors": (0.5, 0.001), "p90": (0.1, 0.1)})
    run.in_force = Routing(50, 50)  # whatever the reason: 1 % is asked for
    for _ in range(100):
        run.look()

    assert run.state.phase == "running"
    assert run.state.judgements["errors"].seen == Counts()
    assert run.last.decision.why.startswith("weight 1 % is asked for; seen is ")


def test_a_step_is_true_only_when_the_split_of_the_one_before_is_gone() -> None:
    run = started()
    run.at(1)
    run.in_force = Routing(99, 1)  # not carried out yet
    for _ in range(30):
        run.look()
    assert run.state.counted_seconds == 0

    run.in_force = Routing(95, 5)
    for _ in range(10):
        run.look()
    assert run.state.counted_seconds > 5


# --- time is up


@pytest.mark.parametrize(("on_timeout", "phase"), [("hold", "paused"), ("abort", "aborted")])
def test_when_time_is_up_the_plan_says_what_happens(on_timeout: str, phase: str) -> None:
    plan = Plan((weight("1", max_seconds=90.0),), (ERRORS,), on_timeout=on_timeout)  # type: ignore[arg-type]  # parametrized
    run = started(plan)

    last = run.end()

    assert last.state.phase == phase
    assert last.decision.why.startswith("90 s are up for weight 1 %: errors: need about ")
    assert run.now - 1_000_000 == 90


def test_a_step_that_was_held_goes_on_with_all_its_time_when_it_is_resumed() -> None:
    run = started(Plan((weight("1", max_seconds=90.0), weight("50")), (ERRORS,)))
    for _ in range(5):
        run.end()
        run.take(rollout.resume(run.plan, run.state, run.now))
        if run.until(lambda step: step.state.at == 1 or step.state.phase == "paused").state.at == 1:
            return
    pytest.fail("what it knew was lost")


# --- people


def test_a_paused_rollout_moves_on_only_when_it_is_resumed() -> None:
    run = started()
    run.take(rollout.pause(run.plan, run.state, "somebody said so"))
    for _ in range(100):
        run.look(600.0)
    assert (run.state.at, run.last.decision.why) == (0, "somebody said so")

    run.take(rollout.resume(run.plan, run.state, run.now))
    assert run.end().decision.action == "finish"


def test_a_paused_rollout_still_goes_back() -> None:
    run = started(bad={"errors": (0.1, 0.001), "p90": (0.1, 0.1)})
    run.look()
    run.take(rollout.pause(run.plan, run.state, "somebody said so"))

    assert run.until(lambda step: step.state.phase == "aborted", 100).decision.action == "abort"


def test_a_planned_pause_keeps_the_weight_and_ends_by_itself() -> None:
    run = started(Plan((weight("50"), Stage("pause", min_seconds=120.0)), (ERRORS,)))
    paused = run.at(1)
    assert paused.decision.routing == Routing(50, 50)
    began = run.now

    run.at(2)

    assert 120 <= run.now - began < 125


def test_a_pause_until_somebody_says_so_has_no_end_of_its_own() -> None:
    run = started(Plan((weight("50"), Stage("pause", until_resumed=True, min_seconds=0.0)), (ERRORS,)))
    run.at(1)
    for _ in range(100):
        run.look(600.0)
    assert (run.state.at, run.last.decision.why) == (1, "a pause until it is resumed")

    run.take(rollout.resume(run.plan, run.state, run.now))
    assert run.look().state.at == 2


def test_what_turns_bad_in_a_pause_is_taken_back() -> None:
    run = started(Plan((weight("50"), Stage("pause", until_resumed=True)), (ERRORS,)))
    run.at(1)
    run.service.bad = {"errors": (0.1, 0.001)}

    assert run.end().decision.action == "abort"


def test_somebody_may_promote_at_once() -> None:
    run = started()
    run.take(rollout.promote(run.plan, run.state, run.now))
    assert run.last.decision.routing == Routing(0, 100)

    assert run.end().decision.action == "finish"


def test_somebody_may_abort_at_once() -> None:
    run = started()
    step = run.take(rollout.abort(run.plan, run.state, "somebody said so"))

    assert (step.decision.routing, step.state.phase) == (STABLE, "aborted")
    for again in (
        rollout.abort(run.plan, run.state, "again"),
        rollout.pause(run.plan, run.state, "again"),
        rollout.resume(run.plan, run.state, run.now),
        rollout.promote(run.plan, run.state, run.now),
    ):
        assert again.state == step.state
        assert again.decision.action == "wait"


def test_resuming_what_runs_changes_nothing() -> None:
    run = started()
    run.look()

    assert rollout.resume(run.plan, run.state, run.now + 10).state == run.state


# --- looks that come twice, late, or from other counters


def test_a_look_that_comes_twice_counts_once() -> None:
    run = started()
    for _ in range(50):
        run.look()
    evidence = run.state.seen

    again = rollout.step(run.plan, run.state, evidence, run.now)

    assert again.state == run.state


def test_a_look_that_comes_late_is_passed_over() -> None:
    run = started()
    for _ in range(10):
        run.look()
    old = run.state.seen
    run.look()

    late = rollout.step(run.plan, run.state, old and replace(old, stable_ready=False), run.now)

    assert late.state == run.state


def test_counters_that_begin_anew_lose_one_look_and_nothing_else() -> None:
    run = started()
    for _ in range(50):
        run.look()
    before = run.state.judgements["errors"].seen.candidate.total

    run.service.so_far.clear()
    run.service.epoch = "envoy-2"
    run.look()
    assert run.state.judgements["errors"].seen.candidate.total == before
    run.look()
    assert run.state.judgements["errors"].seen.candidate.total == before + 2


def test_a_rollout_without_a_first_look_begins_with_the_next() -> None:
    step = rollout.begin(PLAN, 0.0)
    service = Service(PLAN, 200.0, HEALTHY)

    first = rollout.step(PLAN, step.state, service.look(STABLE, 1000.0), 1.0)

    assert first.state.seen is not None
    assert first.state.split.total == 0


# --- limits and storage


def test_what_is_slow_is_fixed_once_from_stables_own_durations() -> None:
    state = rollout.begin(PLAN, 0.0).state
    assert rollout.limited(PLAN, state, {(100.0, 10.0): 5}).limits == {}

    fixed = rollout.limited(PLAN, state, {(100.0, 10.0): 95, (500.0, 50.0): 5})
    assert fixed.limits == {"p90": 1200.0}, "1 ms above the quantile: less is nobody's concern"
    later = {(90_000.0, 1000.0): 1000}
    assert rollout.limited(PLAN, fixed, later).limits == {"p90": 1200.0}
    assert rollout.limited(PLAN, fixed, later, anew=True).limits == {"p90": 96_000.0}, "5 % above"
    assert rollout.limited(PLAN, fixed, {}, anew=True).limits == {"p90": 1200.0}


def test_a_state_survives_being_stored_and_the_rollout_ends_the_same() -> None:
    run, killed = started(), started()
    run.end()
    for _ in range(5000):
        killed.look()
        stored = json.loads(json.dumps(record.as_json(killed.state), allow_nan=False))
        assert record.from_json(stored) == killed.state
        killed.steps = [replace(killed.last, state=record.from_json(stored))]
        if killed.state.phase != "running":
            break

    assert killed.last == run.last


def test_a_state_without_a_look_can_be_stored_too() -> None:
    state = rollout.begin(PLAN, 0.0).state
    assert record.from_json(json.loads(json.dumps(record.as_json(state)))) == state


def test_evidence_of_one_request_at_a_time_is_as_good() -> None:
    """Low traffic: a request each second, of which every tenth goes to the candidate."""
    plan = Plan((weight("10", max_seconds=None),), (Guard("errors", "errors", 0.05),))
    run = Rollout(plan, Service(plan, 1.0, {"errors": (0.5, 0.0)}))

    assert run.end().decision.action == "abort"
    assert run.service._whole("candidate") <= 15


def test_streams_of_a_look_never_have_more_bad_than_all() -> None:
    with pytest.raises(AssertionError):
        Evidence("a", 1, 1, {"errors": Counts(Stream(2, 1), Stream())})
