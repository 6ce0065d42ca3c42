"""How finely the past is kept: seconds for minutes, minutes for a week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Tier:
    """Windows of `seconds`, each beginning at a multiple of that, for `keep_seconds`; `level`: zlib's."""

    seconds: int
    keep_seconds: int
    level: int


TIERS = (Tier(1, 15 * MINUTE, 1), Tier(10, 6 * HOUR, 6), Tier(5 * MINUTE, 7 * DAY, 6))
"""The finest first; each one's seconds are a multiple of the one's before it."""


def aligned(at: float, seconds: int) -> int:
    """When the window began in which `at` lies."""
    return floor(at / seconds) * seconds


def chosen(
    tiers: Sequence[Tier], whole_since: Sequence[float], since: float, first: float, step_seconds: float | None
) -> tuple[Sequence[Tier], int]:
    """The tiers whose windows make up the steps, and how long those are: as long as asked, or a window of the finest.

    The finest one is the first that has all there is since then; the coarser ones have less to read. `whole_since`:
    from when on each tier has everything; `first`: when the oldest of all windows begins.
    """
    whole = [
        tier_since <= max(aligned(since, tier.seconds), first)
        for tier, tier_since in zip(tiers, whole_since, strict=True)
    ]
    usable = tiers[whole.index(True) if True in whole else -1 :]
    unit = usable[0].seconds
    step = max(ceil((step_seconds or 0) / unit), 1) * unit
    return [tier for tier in usable if step % tier.seconds == 0], step
