"""Many services at once, each with a stable and a candidate: requests by chance, as a scenario says."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

import numpy as np
from numpy.typing import NDArray

from turnout.delivery.guard import Guard

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

QUANTILES = (0.90, 0.99)
WINDOW_REQUESTS = 12_000
"""From how many of stable's requests the limits of `slow` are taken: a minute's."""
OUTAGE_EVERY, OUTAGE_FROM, OUTAGE_SECONDS, OUTAGE_SHARE = 300, 100, 30, 0.2


@dataclass(frozen=True, slots=True)
class Scenario:
    """`errors`: stable's share; `more`: by how much candidate's shares of the three guards are larger."""

    errors: float
    more: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tolerance: float = 0.01
    rate: float = 200.0
    look_seconds: int = 1
    outages: bool = False

    @property
    def guards(self) -> tuple[Guard, ...]:
        """Of errors with the scenario's tolerance; of what is slower than stable's p90 and p99."""
        return (
            Guard("errors", "errors", self.tolerance),
            Guard("p90", "slow", 0.05, QUANTILES[0]),
            Guard("p99", "slow", 0.01, QUANTILES[1]),
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What one look brought: totals of each rollout, and bad ones by guard."""

    candidates: Counts
    stables: Counts
    candidate_bad: Counts
    stable_bad: Counts


@dataclass(slots=True)
class Services:
    """One per rollout. Limits are quantiles of an earlier window: what truly lies above them is a matter of chance."""

    scenario: Scenario
    rollouts: int
    chance: np.random.Generator
    slow: Floats = field(init=False)
    seconds: int = 0

    def __post_init__(self) -> None:
        below = [ceil(quantile * WINDOW_REQUESTS) for quantile in QUANTILES]
        over_99 = self.chance.beta(WINDOW_REQUESTS - below[1] + 1, below[1], self.rollouts)
        between = self.chance.beta(below[1] - below[0], below[0], self.rollouts)
        self.slow = np.stack([over_99 + (1 - over_99) * between, over_99], axis=1)

    def keep(self, which: Mask) -> None:
        """The others have ended."""
        self.slow = self.slow[which]
        self.rollouts = len(self.slow)

    def look(self, weights: Floats) -> Look:
        """The next one, at the weights that are in force."""
        self.seconds += self.scenario.look_seconds
        requests = self.chance.poisson(self.scenario.rate * self.scenario.look_seconds, self.rollouts)
        candidates = self.chance.binomial(requests, weights)
        stables = requests - candidates
        return Look(candidates, stables, self._bad(candidates, self.scenario.more), self._bad(stables, (0.0, 0.0, 0.0)))

    def _bad(self, requests: Counts, more: tuple[float, float, float]) -> Counts:
        errors = self.chance.binomial(requests, min(1.0, self._errors() + more[0]))
        over_99 = self.slow[:, 1] + more[2]
        over_90 = np.maximum(self.slow[:, 0] + more[1], over_99)
        slowest = self.chance.binomial(requests, over_99)
        slow = slowest + self.chance.binomial(requests - slowest, (over_90 - over_99) / (1 - over_99))
        return np.stack([errors, slow, slowest], axis=1)

    def _errors(self) -> float:
        """Of both: in an outage, what both depend on is broken."""
        out = self.scenario.outages and 0 <= self.seconds % OUTAGE_EVERY - OUTAGE_FROM < OUTAGE_SECONDS
        return OUTAGE_SHARE if out else self.scenario.errors
