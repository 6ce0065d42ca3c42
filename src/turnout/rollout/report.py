"""A rollout's status, as the resource carries it: for people, the dashboard and scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from turnout.delivery.blast_radius import FanOut
from turnout.delivery.guard import Verdict
from turnout.delivery.plan import Plan, Routing
from turnout.delivery.users import Users
from turnout.rollout.saved import Saved, text


def status(plan: Plan, saved: Saved, verdicts: Sequence[Verdict], why: str) -> dict[str, Any]:
    """All but `blast`, `users` and `lastChange`, which stay as they are. Times are unix seconds, shares 0 to 1."""
    state = saved.state
    return {
        "phase": state.phase,
        "step": state.at,
        "steps": [{"name": s.name, "kind": s.kind, "percent": float(s.percent)} for s in plan.steps],
        "startedAt": saved.started,
        "enteredAt": state.entered,
        "why": why,
        "countedSeconds": round(state.counted_seconds, 3),
        "routing": _routing(saved.wanted),
        "split": state.split.words,
        "verdicts": [verdict_json(plan, verdict) for verdict in verdicts],
        "observedGeneration": saved.generation,
        "engine": text(saved),
    }


def users(found: Users) -> dict[str, int]:
    """Who met which version."""
    return {
        "seen": found.seen,
        "stable": found.stable,
        "candidate": found.candidate,
        "both": found.both,
        "back": found.back,
        "sampled": found.sampled,
        "withoutKey": found.without_key,
        "untold": found.untold,
    }


def _routing(routing: Routing) -> dict[str, Any]:
    return {
        "stable": routing.stable,
        "candidate": routing.candidate,
        "mirrorPercent": float(routing.mirror_percent),
        "users": routing.users,
        "compare": routing.compare,
    }


def verdict_json(plan: Plan, verdict: Verdict) -> dict[str, Any]:
    """One guard's, with what it was decided on."""
    tolerance = next(guard.tolerance for guard in plan.guards if guard.name == verdict.guard)
    low, high = verdict.bounds
    return {
        "guard": verdict.guard,
        "kind": verdict.kind,
        "candidate": asdict(verdict.seen.candidate),
        "stable": asdict(verdict.seen.stable),
        "increase": verdict.increase,
        "low": low,
        "high": high,
        "tolerance": tolerance,
        "requests": verdict.requests,
        "seconds": verdict.seconds,
        "words": verdict.words,
    }


def look(step: int, verdicts: Sequence[Verdict], at: float) -> Mapping[str, Any]:
    """What a chart of shrinking intervals is drawn from."""
    return {
        "at": round(at, 3),
        "step": step,
        "verdicts": [
            {"guard": v.guard, "kind": v.kind, "increase": v.increase, "low": v.bounds[0], "high": v.bounds[1]}
            for v in verdicts
        ],
    }


def blast(plan: Plan, routing: Routing, fan_out: FanOut | None) -> dict[str, Any] | None:
    """How many user requests meet the candidate; None: not known."""
    if fan_out is None:
        return None
    weights = [float(stage.percent) for stage in plan.steps if stage.kind == "weight"]
    return {
        "touched": fan_out.touched(routing.weight),
        "bound": not fan_out.exact,
        "mean": fan_out.mean,
        "weights": [[percent, fan_out.touched(percent / 100)] for percent in weights],
    }
