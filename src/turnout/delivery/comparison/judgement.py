"""What the counts mean: which differences are the new version's, which are noise, and what is not known yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from turnout.delivery.comparison import proportion
from turnout.delivery.comparison.discovery import Test, adjusted, rate_at
from turnout.delivery.comparison.distribution import Contrast, contrast, samples_needed
from turnout.delivery.comparison.durations import Durations, ms
from turnout.delivery.comparison.expectation import Accepted, Expectations
from turnout.delivery.comparison.kind import REGRESSIONS, Kind, Part
from turnout.delivery.comparison.latency import LATENCY, Slowness, slownesses
from turnout.delivery.comparison.proportion import Count
from turnout.delivery.comparison.tally import Example, Field, FieldKey, Tally
from turnout.delivery.comparison.verdict import Class, Finding, Judgement, RouteJudgement, Standard, Verdict

STATED_SIZE = 0.2
"""Of a difference of distributions: a fifth of the values lies elsewhere."""
_OFTENER = 0.1
"""From which excess on a field counts that stable answers differently, too: a tenth more often than it does."""
_WORST_FIRST = list(Class)


def judge(tally: Tally, expectations: Expectations, standard: Standard) -> Judgement:
    """Every field of every route, in one family of tests: of all that is reported, little is false.

    A field is tested by how often the candidate's answers differ from stable's, beside how often stable's own second
    answers do; and by the distribution of its values where they differ. If both agree, the candidate's values are
    distributed as stable's are, however random: how often a value is another one, and which one it is then, say all.

    Who gets a second copy for stable has to be chosen by lot among all requests, all the time: what is compared with
    another day's noise looks like a difference.
    """
    cases = [case for route in sorted(tally.routes) for case in _cases(tally, route, expectations)]
    tested = [case for case in cases if case.accepted is None]
    rate = rate_at(standard.false_discoveries, standard.look)
    adjusted_ps = iter(adjusted([case.test for case in tested], rate))
    scale = _Scale(standard, rate, rate / max(1, len(tested)), tally.bounds.samples)
    findings = [scale.finding(case, next(adjusted_ps) if case.accepted is None else 1.0) for case in cases]
    routes = _routes(tally, findings, scale)
    used = {case.accepted for case in cases}
    unused = [each for each in expectations.accept if each not in used]
    judgement = Judgement(Verdict.UNSURE, routes, len(tested), rate, dict(tally.dropped), unused)
    return _with_verdict(judgement)


def _with_verdict(judgement: Judgement) -> Judgement:
    """Nobody has to accept that a candidate is faster: it is reported, and decides nothing."""
    if judgement.findings(Class.REGRESSION):
        return replace(judgement, verdict=Verdict.REGRESSION)
    if any(finding.key.kind is not Kind.FASTER for finding in judgement.findings(Class.DIFFERENCE)):
        return replace(judgement, verdict=Verdict.DIFFERENCE)
    return replace(judgement, verdict=Verdict.SAME) if judgement.is_settled else judgement


@dataclass(frozen=True, slots=True)
class _Case:
    """A finding in the making. `large`: the excess is one that counts."""

    key: FieldKey
    candidate: Count
    baseline: Count
    test: Test
    accepted: Accepted | None
    large: bool = True
    words: str = ""
    examples: tuple[Example, ...] = ()
    contrast: Contrast | None = None

    @property
    def is_rate(self) -> bool:
        """Whether it is about how often something differs."""
        return self.contrast is None and not self.key.path.startswith(LATENCY)


def _cases(tally: Tally, route: str, expectations: Expectations) -> Iterator[_Case]:
    for key, entry in tally.fields(route):
        one = Count(entry.differing["candidate"], tally.compared(key, "candidate"))
        other = Count(entry.differing["baseline"], tally.compared(key, "baseline"))
        yield _rate_case(key, entry, one, other, expectations)
        yield from _distribution_case(key, entry, one, other, expectations)
    for slowness in slownesses(tally.routes[route]):
        yield _latency_case(route, slowness, expectations)


def _rate_case(key: FieldKey, entry: Field, one: Count, other: Count, expectations: Expectations) -> _Case:
    test = Test(proportion.more(one, other), proportion.least(one, other))
    accepted = expectations.covering(key.route, key.path, key.kind)
    large = one.share - other.share >= _OFTENER * other.share
    return _Case(key, one, other, test, accepted, large, examples=tuple(entry.examples))


def _distribution_case(
    key: FieldKey, entry: Field, one: Count, other: Count, expectations: Expectations
) -> Iterator[_Case]:
    found = contrast(entry.values("candidate"), entry.values("baseline"))
    if found is not None:
        moved = FieldKey(key.route, key.path, Kind.DISTRIBUTION)
        accepted = expectations.covering(moved.route, moved.path, moved.kind)
        test, examples = Test(found.p, found.least), tuple(entry.examples)
        yield _Case(moved, one, other, test, accepted, words=found.words, examples=examples, contrast=found)


def _latency_case(route: str, slowness: Slowness, expectations: Expectations) -> _Case:
    key = FieldKey(route, slowness.path, slowness.kind)
    # Who accepts `latency` accepts it at every quantile.
    accepted = expectations.covering(route, LATENCY, slowness.kind) or expectations.covering(route, key.path, key.kind)
    counts = slowness.candidate, slowness.baseline
    return _Case(key, *counts, slowness.test, accepted, slowness.large, slowness.words)


@dataclass(frozen=True, slots=True)
class _Scale:
    """`rate` of false discoveries; `level` of one test among all that no other helps; `samples` that a tally keeps."""

    standard: Standard
    rate: float
    level: float
    samples: int

    def finding(self, case: _Case, adjusted_p: float) -> Finding:
        """The case with what is made of it."""
        excess = proportion.excess(case.candidate, case.baseline, self.standard.confidence)
        verdict = self._class(case, adjusted_p, excess)
        return Finding(
            case.key,
            verdict,
            case.candidate,
            case.baseline,
            p=case.test.p,
            adjusted_p=adjusted_p,
            excess=excess,
            is_open=verdict is Class.UNCLEAR and excess[1] > self.standard.share,
            needed=self._needed(case, verdict),
            words=case.words,
            examples=case.examples,
            accepted=case.accepted,
        )

    def _class(self, case: _Case, adjusted_p: float, excess: tuple[float, float]) -> Class:
        if case.accepted is not None:
            return Class.ACCEPTED
        if adjusted_p <= self.rate and case.large:
            return Class.REGRESSION if case.key.kind in REGRESSIONS else Class.DIFFERENCE
        is_noise = case.baseline.hits > 0 and excess[1] <= self.standard.margin
        known = is_noise or adjusted_p <= self.rate or not case.is_rate
        return Class.NOISE if known else Class.UNCLEAR

    def _needed(self, case: _Case, verdict: Class) -> int | None:
        one, other = case.candidate, case.baseline
        if not one.of or not other.of:
            return None
        if case.contrast is not None and verdict is Class.NOISE:
            return self._for_distribution(one, other)
        if verdict is not Class.UNCLEAR:
            return None
        if one.share > other.share:
            return proportion.needed(one.share, other.share, other.of / one.of, self.level, self.standard.power)
        return self._until_noise(one, other)

    def _for_distribution(self, one: Count, other: Count) -> int | None:
        ratio, power = other.hits / one.hits, self.standard.power
        values = samples_needed(STATED_SIZE, ratio, self.level, power, self.samples)
        return None if values is None else round(values * one.of / one.hits)

    def _until_noise(self, one: Count, other: Count) -> int:
        """Intervals shrink with the root of what they are of."""
        difference = one.share - other.share
        width = proportion.excess(one, other, self.standard.confidence)[1] - difference
        return round(one.of * max(1.0, width / (self.standard.margin - difference)) ** 2)


def _routes(tally: Tally, findings: Sequence[Finding], scale: _Scale) -> list[RouteJudgement]:
    everything = sum(route.copies["candidate"] for route in tally.routes.values())
    by_route = {name: [f for f in findings if f.key.route == name] for name in sorted(tally.routes)}
    return [_route(tally, name, found, scale, everything) for name, found in by_route.items()]


def _route(tally: Tally, name: str, findings: Sequence[Finding], scale: _Scale, everything: int) -> RouteJudgement:
    route, standard = tally.routes[name], scale.standard
    pairs, copies = route.parts["candidate", Part.BODY], route.parts["baseline", Part.BODY]
    detectable = proportion.detectable(pairs, copies, scale.level, standard.power)
    return RouteJudgement(
        name,
        dict(route.copies),
        pairs,
        copies,
        sorted(findings, key=_rank),
        detectable,
        is_main=route.copies["candidate"] >= max(1, standard.main_route * everything),
        is_sure=detectable is not None and detectable <= standard.share and not any(f.is_open for f in findings),
        lacks=dict(route.lacks),
        quantiles_ms={whose: _quantiles(durations) for whose, durations in sorted(route.durations.items())},
    )


def _rank(finding: Finding) -> tuple[int, float, float, str, str]:
    key = finding.key
    return _WORST_FIRST.index(finding.verdict), finding.adjusted_p, finding.p, key.path, key.kind


def _quantiles(durations: Durations) -> tuple[float, ...]:
    buckets = [durations.quantile(share) for share in (0.5, 0.9, 0.99)]
    return tuple(ms(bucket) for bucket in buckets if bucket is not None)
