"""Tests of two streams of requests that hold at every look, however often one looks and whenever one stops.

One e-process per claim. A claim ("the candidate is worse", "it is not worse than tolerated") is bet on, request by
request, against the null hypothesis that it is false. If it is false, no strategy makes the stake grow in expectation,
and by Ville's inequality it ever reaches 1/alpha with a probability of at most alpha. When it does, the claim counts as
proven.

**The bet on a block** of n_c and n_s requests of candidate and stable is the likelihood of an alternative (p_c, p_s)
over that of the null's point nearest to it, in the sense of Kullback and Leibler:

    R. J. Turner, A. Ly, P. D. Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for
    optional stopping", J. Statistical Planning and Inference 230 (2024), arXiv:2106.02693; for nulls such as
    "at least this much worse": R. J. Turner, P. D. Grünwald, "Exact anytime-valid confidence intervals for contingency
    tables and beyond", Statistics & Probability Letters 198 (2023), arXiv:2203.09785.

Why it is fair, for any convex null H: the expectation of the bet under shares θ is f_c(θ_c)^n_c · f_s(θ_s)^n_s with
linear f, so its logarithm is concave in θ; at the nearest point θ° it is 0, and its slope there is minus that of the
divergence, which no direction into H makes smaller. So it is at most 0 on all of H. Nothing else is asked: sizes may
be anything that does not depend on the outcomes, stable's own share may be another in each block, and of requests that
differ within a block only the means have to obey the null. That is what evidence per second or per scrape needs.

**Which alternative**: several, and the stake is divided among them ("method of mixtures"): the mean of e-processes is
one. Stable's share is estimated from the blocks before, which is allowed, as the bet is placed before it is settled.

**When it starts being true** nobody knows. So a part of the stake is kept back: half of the reserve is put down as a
step begins, and shrinking parts of it at each block after. Whoever turns bad late is caught although the first bets are
lost. This too is a mean of e-processes, one for each start, so that no step needs an alpha of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, inf, isclose, lgamma, log, log1p

from turnout.delivery.evidence import Counts, Stream

_EDGE = 1e-9
"""Shares that are bet on stay so far from 0 and 1: what seems impossible still has odds."""
_EXPECTED = Stream(bad=1, total=100)
"""Half of this is added to what was seen of stable: what its share is taken for before its first request."""
_REMEMBERED = 100_000
_MOST = 1e9
_HALVINGS = 200


@dataclass(frozen=True, slots=True)
class Shares:
    """Of bad requests, of either version."""

    candidate: float
    stable: float


@dataclass(frozen=True, slots=True)
class Claim:
    """What may be proven. The null's edge: candidate's share = stable's + `margin`.

    `increases` are the alternatives, `parts` how much of a stake each of them gets. `first`: which part of the reserve
    is staked with the first block of a step. `most`: what one alternative may win; more is given away, so that it is
    lost again soon when things change.
    """

    margin: float
    increases: tuple[float, ...]
    parts: tuple[float, ...]
    first: float = 0.5
    most: float = _MOST


@dataclass(frozen=True, slots=True)
class Wealth:
    """What became of 1: what is not yet staked, and what each alternative's bets have made of their part."""

    reserve: float
    stakes: tuple[float, ...]
    blocks: int = 0

    @property
    def total(self) -> float:
        """The e-value: at least 1/alpha proves the claim at the level alpha."""
        return self.reserve + sum(self.stakes)


def worse(tolerance: float) -> Claim:
    """That the candidate is worse than stable. Its null: at most stable's share.

    It bets on increases of the tolerance, and of twice, four times … as much: less on the larger ones, which need less
    to be found.
    """
    return _increased(0.0, tolerance, following=0.6)


def notable(tolerance: float) -> Claim:
    """That it is worse by more than half of what is tolerated.

    Many requests prove the smallest increase, and one that is accepted is no reason to go back. So this is asked
    beside `worse`, not to be proven, but that it has not lost: that requests speak rather for an increase of the
    tolerance than for one of half of it.
    """
    return _increased(tolerance / 2, tolerance, following=1.0)


def _increased(margin: float, least: float, *, following: float) -> Claim:
    """`following`: how much each alternative gets of what the one before gets."""
    increases = [least]
    while 2 * increases[-1] < 1:
        increases.append(2 * increases[-1])
    parts = [following**at for at in range(len(increases))]
    return Claim(margin, tuple(increases), tuple(part / sum(parts) for part in parts))


def fine(tolerance: float, alpha: float) -> Claim:
    """That it is not worse than tolerated. Its null: at least stable's share and the tolerance.

    Half is bet on no increase at all; a quarter each on one of a quarter and of half the tolerance. Little is kept
    back: for a candidate that begins badly, with cold caches, and gets better.
    """
    return Claim(tolerance, (0.0, tolerance / 4, tolerance / 2), (0.5, 0.25, 0.25), first=0.9, most=10 / alpha)


def opened(claim: Claim) -> Wealth:
    """Before the first bet."""
    return Wealth(1.0, (0.0,) * len(claim.parts))


def restarted(wealth: Wealth) -> Wealth:
    """At the beginning of a step: much of the reserve is staked anew with its first block."""
    return replace(wealth, blocks=0)


def settled(claim: Claim, wealth: Wealth, block: Counts, stable_share: float) -> Wealth:
    """After one more block, which has requests of both. `stable_share` must not come from the block itself."""
    blocks = wealth.blocks + 1
    fresh = wealth.reserve * _staked(claim, blocks)
    stakes = (
        min(claim.most, (stake + fresh * part) * _exp(ln_e_value(block, shares, claim.margin)))
        for stake, part, shares in zip(wealth.stakes, claim.parts, alternatives(claim, stable_share), strict=True)
    )
    return Wealth(wealth.reserve - fresh, tuple(stakes), blocks)


def _staked(claim: Claim, block: int) -> float:
    """Which part of the reserve. Two thirds of what the first block leaves outlast the longest step."""
    return claim.first if block == 1 else 1 / (block + 1) ** 2


def _exp(exponent: float) -> float:
    return exp(min(exponent, 700.0))


def stable_share(seen: Stream) -> float:
    """What stable's share is taken for."""
    return (seen.bad + _EXPECTED.bad / 2) / (seen.total + _EXPECTED.total / 2)


def faded(seen: Stream) -> Stream:
    """What is remembered of stable: bounded, so that its share of an hour ago does not count for ever."""
    return seen if seen.total <= _REMEMBERED else Stream(seen.bad // 2, seen.total // 2)


def alternatives(claim: Claim, stable_share: float) -> list[Shares]:
    """What a claim bets on. Where there is no room above stable's share: half of what there is, or else nothing."""
    stable = min(max(stable_share, _EDGE), (1 - claim.margin) * (1 - _EDGE))
    least, most = stable + min(claim.margin, *claim.increases), (1 + stable) / 2
    return [Shares(max(least, min(stable + increase, most)), stable) for increase in claim.increases]


def ln_e_value(block: Counts, alternative: Shares, margin: float) -> float:
    """Of one block. 0 unless there are requests of both."""
    candidate, stable = block.candidate, block.stable
    if not block.both:
        return 0.0
    null = nearest(alternative, margin, candidate.total, stable.total)
    return _ln_ratio(candidate.bad, candidate.total, alternative.candidate, null.candidate) + _ln_ratio(
        stable.bad, stable.total, alternative.stable, null.stable
    )


def _ln_ratio(bad: float, total: float, share: float, null: float) -> float:
    return bad * log(share / null) + (total - bad) * (log1p(-share) - log1p(-null))


def nearest(alternative: Shares, margin: float, candidates: float, stables: float) -> Shares:
    """Where on the null's edge n_c·KL(p_c‖·) + n_s·KL(p_s‖·) is least: that convex sum's slope is 0 there."""
    if margin == 0:
        both = candidates + stables
        mean = (candidates * alternative.candidate + stables * alternative.stable) / both
        return Shares(mean, mean)

    def slope(stable: float) -> tuple[float, float]:
        """And its own slope: those of both divergences."""
        own, other = stable * (1 - stable), (stable + margin) * (1 - stable - margin)
        off, other_off = stable - alternative.stable, stable + margin - alternative.candidate
        first = stables * off / own + candidates * other_off / other
        second = stables * (1 / own - off * (1 - 2 * stable) / own**2) + candidates * (
            1 / other - other_off * (1 - 2 * stable - 2 * margin) / other**2
        )
        return first, second

    ends = sorted((alternative.stable, alternative.candidate - margin))
    low, high = max(ends[0], 0.0), min(ends[1], 1 - margin)
    at = alternative.stable
    for _ in range(_HALVINGS):
        value, rise = slope(at)
        low, high = (at, high) if value < 0 else (low, at)
        following = at - value / rise
        if isclose(following, at, rel_tol=1e-12):
            break
        # Newton's step may lead out of where the root is known to be.
        at = following if low < following < high else (low + high) / 2
    return Shares(at + margin, at)


def candidates_needed(claim: Claim, wealth: Wealth, alpha: float, truth: Shares, stables_each: float) -> float:
    """How many more requests of the candidate until the claim is proven, if shares are what they seem. inf: never.

    `stables_each`: how many requests of stable come with one of the candidate.
    """
    if wealth.total >= 1 / alpha:
        return 0.0
    fresh = 0.0 if wealth.blocks else wealth.reserve * claim.first
    needed = inf
    for stake, part, shares in zip(wealth.stakes, claim.parts, alternatives(claim, truth.stable), strict=True):
        growth = _growth(truth, shares, claim.margin, stables_each)
        now = stake + fresh * part
        if growth > 0 and now > 0:
            needed = min(needed, -(log(alpha) + log(now)) / growth)
    return max(needed, 1.0)


def _growth(truth: Shares, alternative: Shares, margin: float, stables_each: float) -> float:
    """What the logarithm of a stake gains per request of the candidate."""
    null = nearest(alternative, margin, 1.0, stables_each)
    of_candidate = _ln_ratio(truth.candidate, 1.0, alternative.candidate, null.candidate)
    return of_candidate + stables_each * _ln_ratio(truth.stable, 1.0, alternative.stable, null.stable)


def share_bounds(seen: Stream, alpha: float) -> tuple[float, float]:
    """Where one stream's share is, at every look together, with probability 1 - alpha, as long as it stays the same.

    Robbins' mixture (Ann. Math. Statist. 41, 1970) with a beta(½, ½) prior: all shares p whose likelihood is more than
    alpha times the mixture's. See S. R. Howard, A. Ramdas, J. McAuliffe, J. Sekhon, "Time-uniform, nonparametric,
    nonasymptotic confidence sequences", Annals of Statistics 49 (2021), arXiv:1810.08240.
    """
    if not seen.total:
        return 0.0, 1.0
    bad, good = seen.bad, seen.total - seen.bad
    mixture = lgamma(bad + 0.5) + lgamma(good + 0.5) - lgamma(seen.total + 1) - 2 * lgamma(0.5)
    least = mixture + log(alpha)

    def inside(share: float) -> bool:
        likelihood = (bad * log(share) if bad else 0.0) + (good * log1p(-share) if good else 0.0)
        return likelihood > least

    middle = bad / seen.total
    return (_border(inside, middle, 0.0) if bad else 0.0), (_border(inside, middle, 1.0) if good else 1.0)


def difference_bounds(seen: Counts, alpha: float) -> tuple[float, float]:
    """Where candidate's share minus stable's is, with probability 1 - alpha at every look together: for the eye."""
    candidate, stable = share_bounds(seen.candidate, alpha / 2), share_bounds(seen.stable, alpha / 2)
    return candidate[0] - stable[1], candidate[1] - stable[0]


def _border(inside: Callable[[float], bool], within: float, without: float) -> float:
    """Between a share that is inside and an end that is not."""
    for _ in range(_HALVINGS // 4):
        middle = (within + without) / 2
        if inside(middle):
            within = middle
        else:
            without = middle
    return without
