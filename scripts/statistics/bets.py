"""`turnout.delivery.sequential` for many rollouts and guards at once. A test holds that both say the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scripts.statistics.service import Counts, Floats, Look, Mask

from turnout.delivery.sequential import Claim

_EDGE = 1e-9
_NEWTON = 12


class Bets:
    """One claim per guard. Arrays are rollouts by guards by alternatives; where there are fewer, some are empty."""

    def __init__(self, claims: Sequence[Claim], rollouts: int) -> None:
        most = max(len(claim.parts) for claim in claims)
        self.margin = np.array([claim.margin for claim in claims])[:, None]
        self.increases = np.array([[*claim.increases, *[0.0] * (most - len(claim.parts))] for claim in claims])
        self.parts = np.array([[*claim.parts, *[0.0] * (most - len(claim.parts))] for claim in claims])
        self.most = np.array([claim.most for claim in claims])[:, None]
        self.first = claims[0].first
        shape = (rollouts, len(claims))
        self.reserve = np.ones(shape)
        self.stakes = np.zeros((rollouts, *self.parts.shape))
        self.blocks = np.zeros(shape, dtype=np.int64)
        self.waiting = np.zeros((*shape, 4), dtype=np.int64)
        self.learned = np.zeros((*shape, 2), dtype=np.int64)

    @property
    def total(self) -> Floats:
        """The e-values: rollouts by guards."""
        value: Floats = self.reserve + self.stakes.sum(axis=2)
        return value

    def settled(self, look: Look, counted: Mask) -> Floats:
        """E-values after one more look, which counts for some rollouts."""
        self.waiting += np.where(counted[:, None, None], self._columns(look), 0)
        both: Mask = np.minimum(self.waiting[:, :, 1], self.waiting[:, :, 3]) > 0
        rows: Mask = np.any(both, axis=1)
        if rows.any():
            self._settle(rows, both[rows])
        return self.total

    def restart(self, which: Mask) -> None:
        """A step begins: much of the reserve is staked with its first block."""
        self.blocks[which], self.waiting[which] = 0, 0

    def reopen(self, which: Mask) -> None:
        """A step begins: nothing is proven yet."""
        self.restart(which)
        self.reserve[which], self.stakes[which] = 1.0, 0.0

    def keep(self, which: Mask) -> None:
        """The other rollouts have ended."""
        self.reserve, self.stakes, self.blocks = self.reserve[which], self.stakes[which], self.blocks[which]
        self.waiting, self.learned = self.waiting[which], self.learned[which]

    def _columns(self, look: Look) -> Counts:
        """Bad and all of the candidate, bad and all of stable: for each guard."""
        guards = look.candidate_bad.shape[1]
        totals = (np.repeat(each[:, None], guards, axis=1) for each in (look.candidates, look.stables))
        candidates, stables = totals
        return np.stack([look.candidate_bad, candidates, look.stable_bad, stables], axis=2)

    def _settle(self, rows: Mask, both: Mask) -> None:
        block = np.where(both[:, :, None], self.waiting[rows], 0)
        blocks = self.blocks[rows] + both
        staked = np.where(blocks == 1, self.first, 1 / (blocks + 1.0) ** 2)
        fresh = np.where(both, self.reserve[rows] * staked, 0.0)
        stakes = self.stakes[rows] + fresh[:, :, None] * self.parts
        won = np.exp(np.minimum(self._ln_e_values(block, self._stable_share(rows)), 700.0))
        self.stakes[rows] = np.minimum(self.most, np.where(both[:, :, None], stakes * won, stakes))
        self.reserve[rows] -= fresh
        self.blocks[rows] = blocks
        self._learn(rows, block, both)

    def _learn(self, rows: Mask, block: Counts, both: Mask) -> None:
        learned = self.learned[rows] + block[:, :, 2:]
        self.learned[rows] = np.where(learned[:, :, 1:] > 100_000, learned // 2, learned)
        self.waiting[rows] = np.where(both[:, :, None], 0, self.waiting[rows])

    def _stable_share(self, rows: Mask) -> Floats:
        learned = self.learned[rows]
        share = (learned[:, :, 0] + 0.5) / (learned[:, :, 1] + 50.0)
        bounded: Floats = np.clip(share[:, :, None], _EDGE, (1 - self.margin) * (1 - _EDGE))
        return bounded

    def _ln_e_values(self, block: Counts, stable: Floats) -> Floats:
        bad, total, stable_bad, stable_total = (block[:, :, [column]].astype(float) for column in range(4))
        least = stable + np.minimum(self.margin, self.increases[:, :1])
        candidate = np.maximum(least, np.minimum(stable + self.increases, (1 + stable) / 2))
        null = self._nearest(candidate, stable, np.maximum(total, 1), np.maximum(stable_total, 1))
        of_stable = _ln_ratio(stable_bad, stable_total, stable, null)
        return _ln_ratio(bad, total, candidate, null + self.margin) + of_stable

    def _nearest(self, candidate: Floats, stable: Floats, total: Floats, stable_total: Floats) -> Floats:
        """Stable's share at the nearest point of the null's edge."""
        if not self.margin.any():
            mean: Floats = (total * candidate + stable_total * stable) / (total + stable_total)
            return mean
        margin = self.margin
        low = np.maximum(np.minimum(stable, candidate - margin), 0.0)
        high = np.minimum(np.maximum(stable, candidate - margin), 1 - margin)
        at = np.broadcast_to(stable, candidate.shape).copy()
        for _ in range(_NEWTON):
            other = at + margin
            own_room, other_room = at * (1 - at), other * (1 - other)
            off, other_off = at - stable, other - candidate
            slope = stable_total * off / own_room + total * other_off / other_room
            rise = stable_total * (1 / own_room - off * (1 - 2 * at) / own_room**2)
            rise += total * (1 / other_room - other_off * (1 - 2 * other) / other_room**2)
            low, high = np.where(slope < 0, at, low), np.where(slope < 0, high, at)
            following = at - slope / rise
            settled = np.abs(following - at) <= 1e-12 * at
            inside = (low < following) & (following < high)
            at = np.where(settled, at, np.where(inside, following, (low + high) / 2))
            if settled.all():
                break
        return at


def _ln_ratio(bad: Floats, total: Floats, share: Floats, null: Floats) -> Floats:
    ratio: Floats = bad * np.log(share / null) + (total - bad) * (np.log1p(-share) - np.log1p(-null))
    return ratio
