"""What is ever said in an hour at 1 %, in which nobody goes back or on, and somebody looks every second."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scripts.statistics.bets import Bets
from scripts.statistics.rules import ALPHA, ZTest
from scripts.statistics.service import Look, Mask, Scenario, Services

from turnout.delivery import sequential

WEIGHT = 0.01
HOUR_SECONDS = 3600


def said_worse(scenario: Scenario, rollouts: int, seed: int) -> tuple[Mask, Mask]:
    """Of each rollout, whether any guard ever said so; and whether any z-test did."""
    tolerances = [guard.tolerance for guard in scenario.guards]
    worse = Bets([sequential.worse(tolerance) for tolerance in tolerances], rollouts)
    notable = Bets([sequential.notable(tolerance) for tolerance in tolerances], rollouts)
    z_test, everybody = ZTest(rollouts), np.ones(rollouts, dtype=bool)
    evidence, z_tests = np.zeros(rollouts, dtype=bool), np.zeros(rollouts, dtype=bool)
    for look in _looks(scenario, rollouts, seed):
        proven = worse.settled(look, everybody) >= len(tolerances) / ALPHA
        evidence |= np.any(proven & (notable.settled(look, everybody) >= 1), axis=1)
        z_tests |= z_test.look(look, scenario.look_seconds).back
    return evidence, z_tests


def said_fine(scenario: Scenario, rollouts: int, seed: int) -> Mask:
    """Of each rollout, whether the guard of the errors ever said so; what else it said does not end it."""
    bets = Bets([sequential.fine(scenario.tolerance, ALPHA)], rollouts)
    fine = np.zeros(rollouts, dtype=bool)
    for look in _looks(scenario, rollouts, seed):
        errors = Look(look.candidates, look.stables, look.candidate_bad[:, :1], look.stable_bad[:, :1])
        fine |= bets.settled(errors, np.ones(rollouts, dtype=bool))[:, 0] >= 1 / ALPHA
    return fine


def _looks(scenario: Scenario, rollouts: int, seed: int) -> Iterator[Look]:
    services = Services(scenario, rollouts, np.random.default_rng(seed))
    weights = np.full(rollouts, WEIGHT)
    for _ in range(HOUR_SECONDS // scenario.look_seconds):
        yield services.look(weights)
