"""Three ways to decide, each for many rollouts at once: Turnout's, Flagger's, and a z-test at every look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scripts.statistics.bets import Bets
from scripts.statistics.service import Counts, Floats, Look, Mask, Scenario

from turnout.delivery import sequential

ALPHA = 0.05
LEAST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Said:
    """Which rollouts go back, which go on to the next step, and of which the errors are called fine."""

    back: Mask
    on: Mask
    fine: Mask


class Rule(Protocol):
    """One decision per rollout and look."""

    def look(self, look: Look, seconds: int) -> Said:
        """After one more look."""

    def begin(self, which: Mask) -> None:
        """A step begins."""

    def keep(self, which: Mask) -> None:
        """The other rollouts have ended."""


class Evidence:
    """Turnout's: `sequential`'s bets, as `guard` and `rollout` use them. A step counts from its first request on."""

    def __init__(self, scenario: Scenario, rollouts: int, alpha: float = ALPHA) -> None:
        guards = scenario.guards
        self.levels = (alpha / len(guards), alpha)
        self.worse = Bets([sequential.worse(guard.tolerance) for guard in guards], rollouts)
        self.notable = Bets([sequential.notable(guard.tolerance) for guard in guards], rollouts)
        self.fine = Bets([sequential.fine(guard.tolerance, alpha) for guard in guards], rollouts)
        self.proven = np.zeros((rollouts, len(guards)), dtype=bool)
        self.true = np.zeros(rollouts, dtype=bool)
        self.counted_seconds = np.zeros(rollouts, dtype=np.int64)

    def look(self, look: Look, seconds: int) -> Said:
        counted = self.true.copy()
        self.true |= look.candidates > 0
        self.counted_seconds += np.where(counted, seconds, 0)
        worse = self.worse.settled(look, counted) >= 1 / self.levels[0]
        notable = self.notable.settled(look, counted) >= 1
        fine = self.fine.settled(look, counted)
        self.proven = np.where(self.proven, fine >= 1, fine >= 1 / self.levels[1])
        back: Mask = np.any(worse & notable, axis=1)
        on = self.proven.all(axis=1) & (self.counted_seconds >= LEAST_SECONDS) & (look.candidates > 0)
        return Said(back, on & ~back, self.proven[:, 0] & ~back)

    def begin(self, which: Mask) -> None:
        self.worse.restart(which)
        self.notable.restart(which)
        self.fine.reopen(which)
        self.proven[which] = False
        self.true[which] = False
        self.counted_seconds[which] = 0

    def keep(self, which: Mask) -> None:
        self.worse.keep(which)
        self.notable.keep(which)
        self.fine.keep(which)
        self.proven, self.true, self.counted_seconds = (
            self.proven[which],
            self.true[which],
            self.counted_seconds[which],
        )


class Flagger:
    """At least 99 % of a minute's requests succeed, or the check fails; the fifth failed check is one too many.

    As `fluxcd/flagger` counts them (`pkg/controller/scheduler.go`): a check that passes is one step on and does not
    make up for one that failed; a minute without requests has failed.
    """

    window_seconds, least_success, threshold = 60, 0.99, 5

    def __init__(self, rollouts: int) -> None:
        self.failed_checks = np.zeros(rollouts, dtype=np.int64)
        self.errors = np.zeros(rollouts, dtype=np.int64)
        self.requests = np.zeros(rollouts, dtype=np.int64)
        self.seconds = 0

    def look(self, look: Look, seconds: int) -> Said:
        self.seconds += seconds
        self.errors += look.candidate_bad[:, 0]
        self.requests += look.candidates
        if self.seconds % self.window_seconds:
            nobody = np.zeros(len(self.errors), dtype=bool)
            return Said(nobody, nobody, nobody)
        passed = (self.requests > 0) & (self.errors <= (1 - self.least_success) * self.requests + 1e-9)
        self.failed_checks += ~passed
        self.errors[:], self.requests[:] = 0, 0
        return Said(self.failed_checks >= self.threshold, passed, passed)

    def begin(self, which: Mask) -> None:
        """Checks are counted over all steps."""

    def keep(self, which: Mask) -> None:
        self.failed_checks, self.errors, self.requests = (
            self.failed_checks[which],
            self.errors[which],
            self.requests[which],
        )


class ZTest:
    """Back as soon as a one-sided z-test of two proportions says p < 0.05 of any guard; on after five minutes.

    0.05 is divided among the guards, and nothing is tested below 30 requests: all that is wrong is to look again.
    """

    step_seconds, least_requests = 300, 30
    critical = 2.128
    """The normal distribution's quantile at 1 - 0.05/3."""

    def __init__(self, rollouts: int, guards: int = 3) -> None:
        self.bad: Counts = np.zeros((rollouts, 2, guards), dtype=np.int64)
        self.totals: Counts = np.zeros((rollouts, 2), dtype=np.int64)
        self.seconds = np.zeros(rollouts, dtype=np.int64)

    def look(self, look: Look, seconds: int) -> Said:
        self.seconds += seconds
        self.bad += np.stack([look.candidate_bad, look.stable_bad], axis=1)
        self.totals += np.stack([look.candidates, look.stables], axis=1)
        back = np.any(self._z() > self.critical, axis=1) & (self.totals[:, 0] >= self.least_requests)
        on = (self.seconds >= self.step_seconds) & ~back
        return Said(back, on, on)

    def _z(self) -> Floats:
        totals = np.maximum(self.totals, 1)[:, :, None]
        shares = self.bad / totals
        pooled = self.bad.sum(axis=1) / totals.sum(axis=1)
        error = np.sqrt(pooled * (1 - pooled) * (1 / totals).sum(axis=1))
        scores: Floats = np.divide(shares[:, 0] - shares[:, 1], error, out=np.zeros_like(error), where=error > 0)
        return scores

    def begin(self, which: Mask) -> None:
        self.bad[which], self.totals[which], self.seconds[which] = 0, 0, 0

    def keep(self, which: Mask) -> None:
        self.bad, self.totals, self.seconds = self.bad[which], self.totals[which], self.seconds[which]
