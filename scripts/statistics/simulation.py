"""Rollouts by the thousand: one rule, one scenario, a look at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scripts.statistics.rules import Rule
from scripts.statistics.service import Counts, Mask, Scenario, Services

from turnout.delivery.binomial import interval

STEPS = (0.01, 0.05, 0.25, 0.50)
MOST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of each rollout: whether it went back or was promoted (neither: time was up), when, and at what cost.

    `fine`: whether its errors ever were called so.
    """

    aborted: Mask
    promoted: Mask
    fine: Mask
    candidates: Counts
    seconds: Counts

    @property
    def rollouts(self) -> int:
        """How many there were."""
        return len(self.aborted)

    def median_requests(self) -> float | None:
        """Of the candidate, until half of all rollouts had gone back; None when they never did."""
        needed = np.sort(np.where(self.aborted, self.candidates.astype(float), np.inf))
        median = float(needed[(self.rollouts - 1) // 2])
        return None if median == np.inf else median

    def median_seconds(self, which: Mask) -> float | None:
        """Of some of them."""
        return float(np.median(self.seconds[which])) if which.any() else None


def simulate(rule: Rule, scenario: Scenario, rollouts: int, seed: int, *, steps: tuple[float, ...] = STEPS) -> Outcome:
    """Until each has gone back, was promoted, or spent an hour in one step."""
    services = Services(scenario, rollouts, np.random.default_rng(seed))
    running = np.arange(rollouts)
    at, entered, spent = (np.zeros(rollouts, dtype=np.int64) for _ in range(3))
    result = Outcome(*(np.zeros(rollouts, dtype=kind) for kind in (bool, bool, bool, np.int64, np.int64)))
    while len(running):
        look = services.look(np.array(steps)[at])
        spent += look.candidates
        said = rule.look(look, scenario.look_seconds)
        result.fine[running] |= said.fine
        at = at + said.on
        entered = np.where(said.on, services.seconds, entered)
        late = services.seconds - entered >= MOST_SECONDS
        ended = said.back | (at == len(steps)) | late
        rule.begin(said.on & ~ended)
        if ended.any():
            gone = running[ended]
            result.aborted[gone] = said.back[ended]
            result.promoted[gone] = (at == len(steps))[ended] & ~said.back[ended]
            result.candidates[gone], result.seconds[gone] = spent[ended], services.seconds
            running, at, entered, spent = running[~ended], at[~ended], entered[~ended], spent[~ended]
            services.keep(~ended)
            rule.keep(~ended)
    return result


def shares(which: Mask) -> tuple[float, float, float]:
    """How many, and Clopper's and Pearson's interval at 95 %."""
    low, high = interval(int(which.sum()), len(which), 0.95)
    return float(which.mean()), low, high
