"""A guard: one question asked of candidate and stable, what was seen of it, and what is to be said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor, inf, log10
from typing import Literal

from turnout.delivery import sequential
from turnout.delivery.evidence import NOTHING, Compared, Counts, Stream
from turnout.delivery.sequential import Claim, Shares, Wealth

Kind = Literal["errors", "slow", "regressions", "query"]
"""`errors`: 5xx, no answer. `slow`: above a quantile of stable's. `regressions`: answers that differ. `query`: own."""

_MOST_WAITING = 10_000
"""Requests of one version that came without any of the other; more are no longer of the same time."""
_BAD = {"errors": "failed", "slow": "were slow", "regressions": "differ", "query": "were bad"}


@dataclass(frozen=True, slots=True)
class Guard:
    """`tolerance`: the increase of the share of bad requests that is accepted; 0.01 is one percentage point.

    `quantile`: of `slow`, stable's quantile from before the rollout that is the limit. `part`: of the chance of a false
    alarm, this guard's, in proportion to the others'.
    """

    name: str
    kind: Kind
    tolerance: float
    quantile: float | None = None
    part: float = 1.0


@dataclass(frozen=True, slots=True)
class Levels:
    """The chance of a false `worse` of this guard in the whole rollout, and of a false `fine` of it in a step."""

    worse: float
    fine: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a guard knows. `waiting`: requests of one version, until there are some of the other to compare with.

    `seen` is this step's; `learned` is where stable's share for the next bet comes from. `worse` is of the whole
    rollout, `fine` of this step; `proven`: it is fine, and nothing since then has used that proof up.
    """

    worse: Wealth
    notable: Wealth
    fine: Wealth
    proven: bool = False
    waiting: Counts = NOTHING
    seen: Counts = NOTHING
    learned: Stream = NOTHING.stable


@dataclass(frozen=True, slots=True)
class Verdict:
    """`worse` and `fine` are proven; `open` is neither.

    `increase` and its bounds are of this step, in shares: None before there is traffic. The bounds hold at every look
    together, with a confidence of at least 1 - 2 * Levels.fine. `requests` of the candidate are needed about, which
    takes `seconds` at the present rate; None when they would not decide it, or nothing comes.
    """

    guard: str
    kind: Literal["worse", "fine", "open"]
    seen: Counts
    increase: float | None = None
    bounds: tuple[float, float] = (-1.0, 1.0)
    requests: int | None = None
    seconds: float | None = None
    words: str = ""


def opened(guard: Guard, levels: Levels) -> Judgement:
    """Nothing is known."""
    return Judgement(
        sequential.opened(sequential.worse(guard.tolerance)),
        sequential.opened(sequential.notable(guard.tolerance)),
        sequential.opened(_fine(guard, levels)),
    )


def restarted(judgement: Judgement, guard: Guard, levels: Levels) -> Judgement:
    """At the beginning of a step: that it is fine has to be proven anew; what speaks for worse is kept."""
    worse, notable = sequential.restarted(judgement.worse), sequential.restarted(judgement.notable)
    return Judgement(worse, notable, sequential.opened(_fine(guard, levels)), learned=judgement.learned)


def judged(judgement: Judgement, guard: Guard, levels: Levels, news: Counts) -> Judgement:
    """After one more look."""
    if news == NOTHING:
        return judgement
    waiting = judgement.waiting
    block = news if max(waiting.candidate.total, waiting.stable.total) > _MOST_WAITING else waiting + news
    seen = judgement.seen + news
    if not block.both:
        return replace(judgement, waiting=block, seen=seen)
    stable = sequential.stable_share(judgement.learned)
    fine = sequential.settled(_fine(guard, levels), judgement.fine, block, stable)
    return Judgement(
        sequential.settled(sequential.worse(guard.tolerance), judgement.worse, block, stable),
        sequential.settled(sequential.notable(guard.tolerance), judgement.notable, block, stable),
        fine,
        proven=fine.total >= (1.0 if judgement.proven else 1 / levels.fine),
        seen=seen,
        learned=sequential.faded(judgement.learned + block.stable),
    )


def verdict(judgement: Judgement, guard: Guard, levels: Levels, seconds: float) -> Verdict:
    """What is to be said after `seconds` of counting."""
    seen = judgement.seen
    if not seen.both:  # whatever earlier steps have shown: of this one nothing is known
        nothing = f"{guard.name}: no {'stable' if seen.candidate.total else 'candidate'} traffic yet"
        return Verdict(guard.name, "open", seen, words=nothing)
    kind = _kind(judgement, levels)
    if kind == "fine" and _is_blind(guard, seen):
        words = f"{guard.name}: stable itself is slower than the limit by now ({_of(seen.stable)}), which tells nothing"
        return Verdict(guard.name, "open", seen, words=words)
    increase, bounds = _increase(seen), _bounds(seen, kind, guard, levels)
    if kind != "open":
        return Verdict(
            guard.name, kind, seen, increase, bounds, words=f"{guard.name}: {kind}, {_comparison(guard, seen)}"
        )
    requests = _needed(judgement, guard, levels)
    rate = seen.candidate.total / seconds if seconds > 0 else 0.0
    left = requests / rate if requests and rate else None
    words = f"{guard.name}: {_more(requests, left)} ({_comparison(guard, seen)})"
    return Verdict(guard.name, "open", seen, increase, bounds, requests, left, words)


def of_comparison(guard: Guard, compared: Compared | None) -> Verdict:
    """Whoever compares has judged already; without a comparison nothing is known."""
    if compared is None:
        return Verdict(guard.name, "open", NOTHING, words=f"{guard.name}: nothing is compared yet")
    seen = Counts(Stream(0, compared.pairs), Stream(0, compared.baseline))
    return Verdict(guard.name, compared.kind, seen, words=f"{guard.name}: {compared.words}")


def requests_needed(guard: Guard, levels: Levels, stable_share: float, weight: float) -> int:
    """How many requests the candidate needs at a weight (0 to 1) to be found fine, if it is as good as stable."""
    claim = _fine(guard, levels)
    truth = Shares(stable_share, stable_share)
    each = (1 - weight) / weight
    return _rounded(sequential.candidates_needed(claim, sequential.opened(claim), levels.fine, truth, each))


def _fine(guard: Guard, levels: Levels) -> Claim:
    return sequential.fine(guard.tolerance, levels.fine)


def _kind(judgement: Judgement, levels: Levels) -> Literal["worse", "fine", "open"]:
    """Worse comes first: both may be true, of an increase that is there and tolerated."""
    if judgement.worse.total >= 1 / levels.worse and judgement.notable.total >= 1:
        return "worse"
    return "fine" if judgement.proven else "open"


def _is_blind(guard: Guard, seen: Counts) -> bool:
    """Times have changed since the limit: a candidate that is always slow would be no more than is tolerated."""
    return guard.kind == "slow" and (seen.stable.share or 0.0) >= 1 - guard.tolerance


def _increase(seen: Counts) -> float:
    candidate, stable = seen.candidate.share, seen.stable.share
    assert candidate is not None, "verdicts are of both streams"
    assert stable is not None, "verdicts are of both streams"
    return candidate - stable


def _bounds(seen: Counts, kind: str, guard: Guard, levels: Levels) -> tuple[float, float]:
    """What is proven narrows them."""
    low, high = sequential.difference_bounds(seen, levels.fine)
    return max(low, 0.0) if kind == "worse" else low, min(high, guard.tolerance) if kind == "fine" else high


def _needed(judgement: Judgement, guard: Guard, levels: Levels) -> int | None:
    """Until either is proven, if shares stay what they seem; candidate's are thought like stable's at first."""
    seen = judgement.seen
    stable = sequential.stable_share(seen.stable)
    doubt = 0.5 / guard.tolerance
    candidate = (seen.candidate.bad + doubt * stable) / (seen.candidate.total + doubt)
    truth, each = Shares(candidate, stable), seen.stable.total / seen.candidate.total
    worse, notable = sequential.worse(guard.tolerance), sequential.notable(guard.tolerance)
    until_worse = max(
        sequential.candidates_needed(worse, judgement.worse, levels.worse, truth, each),
        sequential.candidates_needed(notable, judgement.notable, 1.0, truth, each),
    )
    until_fine = sequential.candidates_needed(_fine(guard, levels), judgement.fine, levels.fine, truth, each)
    needed = min(until_worse, until_fine)
    return None if needed == inf else _rounded(needed)


def _rounded(number: float) -> int:
    """Two digits, upwards: it is a guess."""
    unit = int(10 ** max(0, floor(log10(max(number, 1))) - 1))
    return ceil(number / unit) * unit


def _more(requests: int | None, seconds: float | None) -> str:
    if requests is None:
        return "requests alone will not decide it"
    duration = f", ~{_duration(seconds)} at this rate" if seconds is not None else ""
    return f"need about {requests:,} more requests{duration}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _comparison(guard: Guard, seen: Counts) -> str:
    return f"{_of(seen.candidate)} {_BAD[guard.kind]}; of stable's, {_of(seen.stable)}"


def _of(stream: Stream) -> str:
    share = f" ({_percent(stream.share)})" if stream.share is not None else ""
    return f"{stream.bad:,} of {stream.total:,}{share}"


def _percent(share: float) -> str:
    """Two digits that count."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"
