"""What was counted of candidate and stable over the same time: two streams of requests, each of them good or bad.

Whatever a guard asks becomes such a count: requests that failed, answers that differ, requests slower than a limit
that was fixed before the first of them came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, floor, log10
from typing import Literal

Buckets = Mapping[tuple[float, float], int]
"""A histogram: lower bound and width of a bucket, and how many observations lie in it."""


LEAST_MICROSECONDS = 1000.0
LEAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Stream:
    """How many requests of one version there were, and how many of them were bad."""

    bad: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        assert self.bad <= self.total, f"{self.bad} of {self.total} requests are bad"

    def __add__(self, other: Stream) -> Stream:
        return Stream(self.bad + other.bad, self.total + other.total)

    def since(self, earlier: Stream) -> Stream | None:
        """What came after an earlier count; None when that cannot be: a counter fell, or lost what was good."""
        bad, total = self.bad - earlier.bad, self.total - earlier.total
        return Stream(bad, total) if 0 <= bad <= total else None

    @property
    def share(self) -> float | None:
        """Of bad ones; None of nothing."""
        return self.bad / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Counts:
    """What one guard looks at: both versions, over the same time."""

    candidate: Stream = Stream()
    stable: Stream = Stream()

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.candidate + other.candidate, self.stable + other.stable)

    def since(self, earlier: Counts) -> Counts | None:
        """As of a stream."""
        candidate, stable = self.candidate.since(earlier.candidate), self.stable.since(earlier.stable)
        return None if candidate is None or stable is None else Counts(candidate, stable)

    @property
    def both(self) -> bool:
        """Whether there is something to compare."""
        return bool(self.candidate.total and self.stable.total)


NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison of answers has come to; it tells for itself how sure it is, at every look.

    `pairs`: answers of the candidate that were compared, and of stable's own second ones. `worse`: there is a
    regression; `fine`: there is no difference that nobody has accepted; `words` say which.
    """

    kind: Literal["worse", "fine", "open"]
    pairs: int = 0
    baseline: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One look: everything counted so far. That counts are cumulative is why no look can be counted twice.

    `epoch` names the counters: when they begin at zero again (a new Envoy), it has to be another. `candidate` and
    `total` are the requests by which the split is told: of a weight, the candidate's among all of the route; of a
    mirror, the copies among all that may be copied. `compared`: of the step's comparison, if it has one. `ready`:
    whether a version has a healthy copy. `tells_share`: where not, the split is true as soon as the candidate got a
    request. `until`: up to when it was counted, in unix seconds by the clock of whoever counts; 0: up to now.
    """

    epoch: str
    candidate: int = 0
    total: int = 0
    guards: Mapping[str, Counts] = field(default_factory=dict)
    candidate_ready: bool = True
    stable_ready: bool = True
    compared: Compared | None = None
    tells_share: bool = True
    until: float = 0.0

    def settled(self, earlier: Evidence) -> Evidence:
        """With a guard's counts as they were while more of them are bad than came: what came is not all counted yet.

        So it is where a Prometheus scrapes between the question for the one and that for the other.
        """
        held = {name: earlier.guards[name] for name, counts in self.guards.items() if _is_ahead(counts, earlier, name)}
        return replace(self, guards={**self.guards, **held}) if held else self

    def since(self, earlier: Evidence) -> Evidence | None:
        """What came after an earlier look; None when it is not later, or of other counters.

        A guard that was not counted before begins with this look: what it holds may be older than the step. So does one
        whose counts have fallen: they began at 0 again, as those of an application do with its process.
        """
        candidate, total = self.candidate - earlier.candidate, self.total - earlier.total
        if self.epoch != earlier.epoch or min(candidate, total) < 0:
            return None
        news = {
            name: counts.since(earlier.guards[name]) for name, counts in self.guards.items() if name in earlier.guards
        }
        guards = {name: counts for name, counts in news.items() if counts is not None}
        # A copy is counted when it is answered, which may be in the look after that of its request.
        return replace(self, candidate=min(candidate, total), total=total, guards=guards)


def _is_ahead(counts: Counts, earlier: Evidence, name: str) -> bool:
    before = earlier.guards.get(name)
    pairs = ((counts.candidate, before.candidate), (counts.stable, before.stable)) if before else ()
    grown = [(now.bad - was.bad, now.total - was.total) for now, was in pairs]
    return all(min(growth) >= 0 for growth in grown) and any(bad > total for bad, total in grown)


def limit(durations: Buckets, quantile: float) -> float | None:
    """The upper bound of the bucket that holds the quantile: from then on "slow" is what lies above it.

    Always the edge of a bucket, so that `slower` counts exactly. None when there are too few observations for one of
    them to be expected above the quantile: 100 for 0.99.
    """
    count = sum(durations.values())
    if count * (1 - quantile) < 1 - 1e-9:
        return None
    wanted, seen = ceil(quantile * count - 1e-9), 0
    for (lower, width), observed in sorted(durations.items()):
        seen += observed
        if seen >= wanted:
            return lower + width
    raise AssertionError("a quantile below 1 lies in some bucket")


def noticeably_above(microseconds: float) -> float:
    """From which duration on a request is slower than that, as far as anybody cares: 1 ms and 5 %.

    Two processes of one version differ by less than that, and with enough requests any difference is certain. The edge
    of a bucket as well: Envoy's have two significant digits.
    """
    least = max(microseconds + LEAST_MICROSECONDS, microseconds * (1 + LEAST_SHARE))
    unit = 10.0 ** (floor(log10(least)) - 1)
    return ceil(least / unit - 1e-9) * unit


def slower(durations: Buckets, limit: float) -> Stream:
    """Requests above a limit, among all."""
    return Stream(sum(n for (lower, _), n in durations.items() if lower >= limit), sum(durations.values()))
