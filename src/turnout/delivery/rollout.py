"""How a rollout moves: from evidence to a decision. Pure: whoever calls `step` reads the clock and carries it out.

    running ──► finished            all steps passed, and all traffic is seen at the candidate
       │  ├──► aborted              a guard proved the candidate worse; time was up; somebody said so
       │  └──► halted ──► aborted   the same, while the candidate was the only healthy copy: back once stable is healthy
       └──► paused ──► running      time was up; somebody said so, or moved weights by hand

Each decision says what routing ought to be in force, so that one that was lost with its process is just carried out
again; evidence is cumulative, so that none counts twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from turnout.delivery import guard as judging
from turnout.delivery.evidence import Buckets, Counts, Evidence, limit, noticeably_above
from turnout.delivery.guard import Guard, Judgement, Verdict
from turnout.delivery.plan import STABLE, Plan, Routing, Stage, guards, routing, wanted
from turnout.delivery.split import UNSEEN, Split, looked

Phase = Literal["running", "paused", "halted", "aborted", "finished"]
Action = Literal["apply", "wait", "hold", "halt", "abort", "finish"]
ENDED: frozenset[Phase] = frozenset({"aborted", "finished"})


@dataclass(frozen=True, slots=True)
class State:
    """Where a rollout stands. `at`: the index of the step, asked for at `entered`.

    `seen`: the last look, from which the next one counts, and `looked_at`, when that was. `counted_seconds`: how long
    the step has been true. `limits`: above which duration a `slow` guard's requests are slow. `released`: somebody
    ended the pause. `why`: of the phase.
    """

    phase: Phase
    at: int
    entered: float
    split: Split = UNSEEN
    counted_seconds: float = 0.0
    judgements: Mapping[str, Judgement] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    seen: Evidence | None = None
    looked_at: float = 0.0
    released: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """`routing` ought to be in force from now on; only `apply` and `abort` change it. `why`: for people."""

    action: Action
    routing: Routing
    why: str
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and what to remember: the state is to be stored before the decision is carried out."""

    decision: Decision
    state: State


def begin(plan: Plan, now: float, evidence: Evidence | None = None) -> Step:
    """The first step of a fit plan. With evidence, the first look after counts; else it only tells where to begin."""
    judgements = {guard.name: judging.opened(guard, plan.levels(guard)) for guard in plan.guards}
    return _applied(plan, State("running", 0, now, judgements=judgements, seen=evidence, looked_at=now))


def limited(plan: Plan, state: State, durations: Buckets, *, anew: bool = False) -> State:
    """Fixes from stable's durations so far (in us) what `slow` means, for guards that have no limit yet.

    A guard without a limit has nothing to count, and so is not `fine`. `anew`: also for those that have one, between
    two steps; what was counted until then was judged by the limit of that time. Too few durations change nothing.
    """
    wanted = [guard for guard in plan.guards if anew or guard.name not in state.limits]
    found = {guard.name: limit(durations, guard.quantile) for guard in wanted if guard.quantile is not None}
    known = {name: noticeably_above(at) for name, at in found.items() if at is not None}
    return replace(state, limits={**state.limits, **known})


def step(plan: Plan, state: State, evidence: Evidence | None, now: float) -> Step:
    """After one look, at `now` (seconds on the clock that stamped the state): what follows. None: nothing was seen."""
    if state.phase in ENDED:
        return _stay(plan, state, "wait", state.why)
    if evidence is not None and state.seen is not None:
        evidence = evidence.settled(state.seen)
    state, news = _counted(plan, state, evidence, now)
    evidence = evidence if evidence is state.seen else None
    proven = [verdict.words for verdict in verdicts(plan, state) if verdict.kind == "worse"]
    if proven or state.phase == "halted":
        return abort(plan, state, "; ".join(proven) or state.why)
    if state.phase == "paused":
        return _stay(plan, state, "wait", state.why)
    if _promoting(plan, state) and _gone(evidence):
        return abort(plan, state, "the candidate has no healthy copy")
    waiting = _obstacle(plan, state, evidence, news, now)
    if waiting is None:
        return _following(plan, state, now)
    return _late(plan, state, now, waiting) or _stay(plan, state, "wait", waiting)


def verdicts(plan: Plan, state: State) -> tuple[Verdict, ...]:
    """Of each guard of this step, in the plan's order."""
    return tuple(_verdict(plan, state, guard) for guard in guards(plan, state.at))


def _verdict(plan: Plan, state: State, guard: Guard) -> Verdict:
    if guard.kind == "regressions":
        return judging.of_comparison(guard, state.seen.compared if state.seen else None)
    return judging.verdict(state.judgements[guard.name], guard, plan.levels(guard), state.counted_seconds)


# --- what people do


def pause(plan: Plan, state: State, why: str) -> Step:
    """Nothing moves on until it is resumed. What is proven worse still goes back."""
    if state.phase != "running":
        return _stay(plan, state, "wait", state.why)
    return _stay(plan, replace(state, phase="paused", why=why), "hold", why)


def resume(plan: Plan, state: State, now: float) -> Step:
    """On from where it was, with all the time of the step before it; a planned pause ends."""
    if state.phase != "paused" and not (state.phase == "running" and _stage(plan, state).until_resumed):
        return _stay(plan, state, "wait", state.why)
    return _applied(plan, replace(state, phase="running", entered=now, released=True, why=""))


def promote(plan: Plan, state: State, now: float) -> Step:
    """To 100 % at once, because somebody says so."""
    if state.phase not in {"running", "paused"}:
        return _stay(plan, state, "wait", state.why)
    if _promoting(plan, state):
        return resume(plan, state, now)
    return _applied(plan, _entered(plan, replace(state, phase="running", why=""), len(plan.steps) - 1, now))


def abort(plan: Plan, state: State, why: str) -> Step:
    """Back to stable; unless the candidate is the only healthy copy: then nothing moves until stable is healthy."""
    if state.phase in ENDED:
        return _stay(plan, state, "wait", state.why)
    seen = state.seen
    if seen is not None and seen.candidate_ready and not seen.stable_ready and routing(plan, state.at).candidate:
        state = replace(state, phase="halted", why=why)
        return _stay(plan, state, "halt", f"{why}; stable has no healthy copy to go back to")
    told = verdicts(plan, state)
    return Step(Decision("abort", STABLE, why, told), replace(state, phase="aborted", why=why))


# --- one look


def _counted(plan: Plan, state: State, evidence: Evidence | None, now: float) -> tuple[State, bool]:
    """With this look; and whether it brought requests of the candidate that count."""
    before = state.seen
    if evidence is None:
        return state, False
    if before is None or evidence.epoch != before.epoch:
        return replace(state, seen=evidence, looked_at=now), False
    news = evidence.since(before)
    if news is None:  # an older look that comes late
        return state, False
    share = wanted(plan, state.at) if evidence.tells_share else None
    split = looked(state.split, news.candidate, news.total, share)
    state, held = replace(state, split=split, seen=evidence, looked_at=now), state
    if not (held.split.holds and split.holds):
        return state, False
    seconds = state.counted_seconds + max(now - held.looked_at, 0.0)
    state = replace(state, counted_seconds=seconds, judgements=_judged(plan, state, news.guards))
    return state, news.candidate > 0


def _judged(plan: Plan, state: State, news: Mapping[str, Counts]) -> Mapping[str, Judgement]:
    """Only by the guards of this step: what the others are counted for is not what this step does."""
    now = {
        guard.name: judging.judged(state.judgements[guard.name], guard, plan.levels(guard), news[guard.name])
        for guard in guards(plan, state.at)
        if guard.name in news
    }
    return {**state.judgements, **now}


def _obstacle(plan: Plan, state: State, evidence: Evidence | None, news: bool, now: float) -> str | None:
    """Why the next step must wait; None when it need not."""
    stage, judges = _stage(plan, state), guards(plan, state.at)
    paused = stage.kind == "pause"
    remaining = stage.min_seconds - (now - state.entered if paused else state.counted_seconds)
    if stage.until_resumed and not state.released:
        return "a pause until it is resumed"
    if judges or not paused:
        if missing := _nothing_to_judge(plan, state, evidence):
            return missing
        if told := [verdict.words for verdict in verdicts(plan, state) if verdict.kind != "fine"]:
            return "; ".join(told)
    if remaining > 0:
        return f"{remaining:.0f} s of {stage.name} are left"
    return None if news or (paused and not judges) else "no traffic"


def _nothing_to_judge(plan: Plan, state: State, evidence: Evidence | None) -> str | None:
    if evidence is None or not state.split.holds:
        return f"{_stage(plan, state).name} is asked for; seen is {state.split.words}"
    if not evidence.candidate_ready:
        return "the candidate has no healthy copy"
    if guards(plan, state.at) and not evidence.stable_ready:
        return "stable has no healthy copy to compare with"
    return None


def _late(plan: Plan, state: State, now: float, waiting: str) -> Step | None:
    """What the plan says for when time is up."""
    most = _stage(plan, state).max_seconds
    if most is None or now - state.entered < most or (_stage(plan, state).until_resumed and not state.released):
        return None
    why = f"{most:g} s are up for {_stage(plan, state).name}: {waiting}"
    return abort(plan, state, why) if plan.on_timeout == "abort" else pause(plan, state, why)


def _following(plan: Plan, state: State, now: float) -> Step:
    if _promoting(plan, state):
        why = "all traffic is at the candidate"
        return _stay(plan, replace(state, phase="finished", why=why), "finish", why)
    return _applied(plan, _entered(plan, state, state.at + 1, now), verdicts(plan, state))


def _entered(plan: Plan, state: State, at: int, now: float) -> State:
    """At the beginning of another step. A pause goes on with what the step before it knows."""
    if plan.steps[at].kind == "pause":
        return replace(state, at=at, entered=now, released=False)
    before = state.at
    judgements = {
        guard.name: judging.restarted(state.judgements[guard.name], guard, plan.levels(guard)) for guard in plan.guards
    }
    state = replace(state, at=at, entered=now, released=False, counted_seconds=0.0, judgements=judgements)
    return replace(state, split=Split(was=_share_before(routing(plan, before), plan.steps[at])))


def _share_before(before: Routing, stage: Stage) -> float | None:
    """What the split of a step was until then, in the requests by which its split is told."""
    if stage.kind == "users":
        return None
    if stage.kind == "weight":
        return before.weight
    return 1.0 if before.compare else float(before.mirror_percent / 100)


# --- decisions


def _applied(plan: Plan, state: State, told: tuple[Verdict, ...] = ()) -> Step:
    return Step(Decision("apply", routing(plan, state.at), _stage(plan, state).name, told), state)


def _stay(plan: Plan, state: State, action: Action, why: str) -> Step:
    """With what is in force."""
    in_force = STABLE if state.phase == "aborted" else routing(plan, state.at)
    return Step(Decision(action, in_force, why, verdicts(plan, state)), state)


def _stage(plan: Plan, state: State) -> Stage:
    return plan.steps[state.at]


def _promoting(plan: Plan, state: State) -> bool:
    return state.at == len(plan.steps) - 1


def _gone(evidence: Evidence | None) -> bool:
    return evidence is not None and not evidence.candidate_ready
