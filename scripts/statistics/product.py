"""Rollouts through the product's own `step`, look by look: slower, and what really decides."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from scripts.statistics.rules import ALPHA, LEAST_SECONDS
from scripts.statistics.service import Counts as Tally
from scripts.statistics.service import Scenario, Services
from scripts.statistics.simulation import MOST_SECONDS, STEPS, Outcome

from turnout.delivery.evidence import Counts, Evidence, Stream
from turnout.delivery.plan import Plan, Stage
from turnout.delivery.rollout import begin, step


def plan(scenario: Scenario, steps: tuple[float, ...] = STEPS) -> Plan:
    """The one that is simulated."""
    stages = (Stage("weight", Decimal(str(100 * at)), "", LEAST_SECONDS, MOST_SECONDS) for at in steps)
    return Plan(tuple(stages), scenario.guards, ALPHA)


def simulate(scenario: Scenario, rollouts: int, seed: int) -> Outcome:
    """As `simulation.simulate`, one after another."""
    chance = np.random.default_rng(seed)
    ends = [_one(plan(scenario), scenario, chance) for _ in range(rollouts)]
    aborted, promoted, fine, candidates, seconds = (np.array(column) for column in zip(*ends, strict=True))
    return Outcome(aborted, promoted, fine, candidates, seconds)


def _one(plan: Plan, scenario: Scenario, chance: np.random.Generator) -> tuple[bool, bool, bool, int, int]:
    services = Services(scenario, 1, chance)
    candidate = stable = 0
    fine = False
    bad = np.zeros((2, len(plan.guards)), dtype=np.int64)
    taken = begin(plan, 0.0, _evidence(plan, candidate, stable, bad))
    while taken.state.phase == "running" and taken.state.at < len(plan.stages):
        look = services.look(np.array([taken.decision.routing.weight]))
        candidate, stable = candidate + int(look.candidates[0]), stable + int(look.stables[0])
        bad += np.stack([look.candidate_bad[0], look.stable_bad[0]])
        taken = step(plan, taken.state, _evidence(plan, candidate, stable, bad), float(services.seconds))
        fine = fine or any(told.kind == "fine" for told in taken.decision.verdicts if told.guard == "errors")
    return taken.state.phase == "aborted", taken.state.at == len(plan.stages), fine, candidate, services.seconds


def _evidence(plan: Plan, candidate: int, stable: int, bad: Tally) -> Evidence:
    guards = {
        guard.name: Counts(Stream(int(bad[0, at]), candidate), Stream(int(bad[1, at]), stable))
        for at, guard in enumerate(plan.guards)
    }
    return Evidence("simulated", candidate, candidate + stable, guards)
