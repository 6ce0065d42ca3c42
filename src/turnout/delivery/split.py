"""Whether traffic is split as was asked for: only then is what it shows evidence of the step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

from turnout.delivery import binomial

CONFIDENCE = 0.999
_NEAR = 0.25
_SIGMAS = 3.3
"""As far as chance takes a share, with CONFIDENCE."""
_UNEQUAL = 4
"""Users are taken for so many times fewer: some send many more requests than others."""
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """The candidate's share, from 0 to 1, and what is near enough: a hash of users, or retries, never split exactly."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Split:
    """What was seen lately: the candidate's requests among all. `was`: the share that has to be ruled out first.

    `holds`: it agrees with what is asked for. `astray`, of `astray_total`: what did not, just now.
    """

    candidate: int = 0
    total: int = 0
    was: float | None = None
    holds: bool = False
    astray: int = 0
    astray_total: int = 0

    @property
    def words(self) -> str:
        """What is seen, with its interval."""
        one, all_ = (self.candidate, self.total) if self.total else (self.astray, self.astray_total)
        if not all_:
            return "no traffic"
        low, high = binomial.interval(one, all_, CONFIDENCE)
        return f"{one:,} of {all_:,} requests: between {100 * low:.3g} and {100 * high:.3g} %"


UNSEEN = Split(was=0.0)


def of_requests(share: float, users: int | None = None) -> Wanted:
    """A weight: within a quarter of the smaller part; of all, or nearly all, within a hundredth.

    `users`: whom the split takes as a whole. Of a few of them no part is near what was asked for; a tenth of it is due.
    """
    near = max(_NEAR * min(share, 1 - share), share / 100)
    if users:
        near = max(near, _SIGMAS * sqrt(share * (1 - share) * _UNEQUAL / users))
    return Wanted(share, max(share - near, share / 10), share + near)


def of_copies(share: float) -> Wanted:
    """A mirror: within a quarter, since copies are dropped where they would hurt."""
    return Wanted(share, share * (1 - _NEAR), share * (1 + _NEAR))


def looked(split: Split, candidate: int, total: int, wanted: Wanted | None) -> Split:
    """After one more look, which brought `candidate` of `total` requests.

    Without a share that could be told (a group of users), the split holds as soon as the candidate got a request.
    """
    seen = Split(split.candidate + candidate, split.total + total, split.was, split.holds)
    if wanted is None or not seen.total:
        return replace(seen, holds=seen.candidate > 0)
    if not binomial.agrees(seen.candidate, seen.total, wanted.low, wanted.high, CONFIDENCE):
        return _astray(split, seen)
    return _bounded(replace(seen, holds=split.holds or _moved(seen, wanted)), wanted.share)


def _astray(split: Split, seen: Split) -> Split:
    """All begins anew. What was seen instead has to be ruled out now, unless there still is the share before."""
    was = seen.candidate / seen.total if split.holds else split.was
    return Split(was=was, astray=seen.candidate, astray_total=seen.total)


def _moved(seen: Split, wanted: Wanted) -> bool:
    """Whether the share before is ruled out: too few requests agree with anything. One that is near does not matter."""
    if seen.was is None or wanted.low <= seen.was <= wanted.high:
        return True
    return not binomial.agrees(seen.candidate, seen.total, seen.was, seen.was, CONFIDENCE)


def _bounded(split: Split, share: float) -> Split:
    """So that a split that goes astray is seen soon, after any number of requests."""
    if split.total * min(share, 1 - share) <= _REMEMBERED and split.total <= 1000 * _REMEMBERED:
        return split
    return replace(split, candidate=split.candidate // 2, total=split.total // 2)
