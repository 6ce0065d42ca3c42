"""How sure to be, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from turnout.delivery.comparison.exchange import Side
from turnout.delivery.comparison.expectation import Accepted
from turnout.delivery.comparison.proportion import Count
from turnout.delivery.comparison.tally import Example, FieldKey


@dataclass(frozen=True, slots=True)
class Standard:
    """How sure to be.

    `false_discoveries`: the share of reported fields that may be noise, over all looks. `look`: which one this is,
    from 1. `share`: of answers; a difference in this many is to be found, with a probability of `power`. `margin`: a
    field is noise only if its excess over stable's own is known to be less. `main_route`: the share of all copies from
    which on a route has to be sure.
    """

    false_discoveries: float = 0.05
    look: int = 1
    share: float = 0.05
    power: float = 0.8
    margin: float = 0.2
    confidence: float = 0.95
    main_route: float = 0.01


class Class(StrEnum):
    """What a difference is, worst first."""

    REGRESSION = "regression"
    DIFFERENCE = "difference"
    UNCLEAR = "unclear"
    NOISE = "noise"
    ACCEPTED = "accepted"


class Verdict(StrEnum):
    """Of a comparison. Nothing is SAME without having been looked at."""

    REGRESSION = "regression"
    DIFFERENCE = "difference"
    UNSURE = "unsure"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Finding:
    """One field and kind on one route.

    `p`: before, `adjusted_p`: after the correction for many tests. `excess`: where the candidate's share above
    baseline's may lie. `is_open`: it may still turn out to be more than the standard lets pass. `needed`: about how
    many copies for the candidate it takes to tell: an unclear field, or a noisy one's distribution if it differs by
    judgement.STATED_SIZE. `words`: in what a distribution or latency differs.
    """

    key: FieldKey
    verdict: Class
    candidate: Count
    baseline: Count
    p: float
    adjusted_p: float
    excess: tuple[float, float]
    is_open: bool = False
    needed: int | None = None
    words: str = ""
    examples: tuple[Example, ...] = ()
    accepted: Accepted | None = None


@dataclass(frozen=True, slots=True)
class RouteJudgement:
    """`pairs`, `baseline_pairs`: whose bodies were compared. `detectable`: what share would have been found by now."""

    route: str
    copies: Mapping[Side, int]
    pairs: int
    baseline_pairs: int
    findings: Sequence[Finding]
    detectable: float | None
    is_main: bool
    is_sure: bool
    lacks: Mapping[tuple[Side, str], int]
    quantiles_ms: Mapping[str, tuple[float, ...]]
    """p50, p90 and p99 of `candidate`, `baseline` and `stable`."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`tests`: how many. `rate`: up to which adjusted p a field is reported. `unused`: those that met nothing."""

    verdict: Verdict
    routes: Sequence[RouteJudgement]
    tests: int
    rate: float
    dropped: Mapping[str, int]
    unused: Sequence[Accepted]

    @property
    def is_settled(self) -> bool:
        """Whether more pairs would hardly change it: all main routes are sure, and there is one."""
        main = [route.is_sure for route in self.routes if route.is_main]
        return bool(main) and all(main)

    def findings(self, *classes: Class) -> list[Finding]:
        """Those of the given classes, by class, then by route."""
        return [f for wanted in classes for route in self.routes for f in route.findings if f.verdict is wanted]
