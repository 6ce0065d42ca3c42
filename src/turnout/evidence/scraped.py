"""Evidence on a cluster: Istio's standard metrics in a Prometheus, and the API for who is ready.

Counted is what the sidecars of the service's own pods report (`reporter="destination"`): there Istio counts every
request that arrived, a copy as well as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf
from string import Template
from typing import Any

from turnout.client import Client
from turnout.delivery.edit import host_of
from turnout.delivery.evidence import Buckets, Counts, Evidence, Stream
from turnout.delivery.steering import Versions
from turnout.error import ApiError, EvidenceFailed
from turnout.evidence import growth, prometheus
from turnout.evidence.failed import is_bad
from turnout.evidence.growth import Ask, Grown
from turnout.evidence.query import named
from turnout.evidence.question import Asked, Query, Question
from turnout.mesh.service import revision
from turnout.resources.kinds import DESTINATION_RULE, POD, SERVICE

REQUESTS, DURATIONS = "requests_total", "request_duration_milliseconds_bucket"
COPIES = ("istio", "turnout_mirrored")
"""Prefixes: Istio counts copies as what they are to the candidate, requests; Turnout's own metrics keep them apart."""
LATE_SECONDS = 2.0
"""What Prometheus scrapes is to be found a moment later; nothing younger than this is looked at."""
LONGEST_SECONDS = 600.0
"""What came before is left out where nobody looked for so long: an answer must not grow without bounds."""
USUAL_SECONDS = 60.0
MICROSECONDS = 1000.0
"""In a millisecond."""
BOUNDS_MS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6, 3.6e6)
"""Of the buckets of Istio's histograms."""
REVISION = "destination_canonical_revision"

Labels = Mapping[str, str]


class Scraped:
    """`ask`: queries the Prometheus that scrapes the mesh."""

    prompt = False

    def __init__(self, client: Client, ask: Ask) -> None:
        self._client = client
        self._ask = ask
        self.problems: list[str] = []

    def look(self, question: Question) -> Evidence | None:
        """All since the step began, as far as Prometheus has it. Raises TurnoutError."""
        subsets = self._subsets(question.versions)
        epoch = f"prometheus/{question.step}"
        until = growth.now(self._ask) - LATE_SECONDS
        before = question.seen
        if before is None or before.epoch != epoch:
            before = Evidence(epoch, until=until)
        look = _Look(self._ask, question, {name: revision(labels) for name, labels in subsets.items()}, before, until)
        candidate, total = look.split()
        guards = {asked.guard.name: counts for asked in question.guards if (counts := look.counts(asked)) is not None}
        self.problems = look.problems
        ready = self._ready(question.versions, subsets)
        return Evidence(
            epoch=epoch,
            candidate=before.candidate + candidate,
            total=before.total + total,
            guards=guards,
            candidate_ready=ready[question.versions.candidate],
            stable_ready=ready[question.versions.stable],
            tells_share=not question.copies,
            until=max(until, before.until),
        )

    def durations(self, versions: Versions) -> Buckets:
        """Raises TurnoutError."""
        stable = revision(self._subsets(versions)[versions.stable])
        until = growth.now(self._ask) - LATE_SECONDS
        selector = _selector({"__name__": f"istio_{DURATIONS}", **_answered(versions), REVISION: stable}, {})
        return _buckets(growth.grown(self._ask, selector, until - USUAL_SECONDS, until))

    def under_way(self, versions: Versions) -> int:
        """Istio has no metric for it."""
        return 0

    def _subsets(self, versions: Versions) -> dict[str, Labels]:
        """The labels of both versions' pods. Raises TurnoutError."""
        namespace = _namespace(versions)
        found = {
            subset["name"]: subset.get("labels") or {}
            for rule in self._client.list(DESTINATION_RULE, namespace)["items"]
            if host_of(rule["spec"], rule["metadata"]["namespace"]) == versions.host
            for subset in rule["spec"].get("subsets") or ()
        }
        for name in (versions.stable, versions.candidate):
            if name not in found:
                raise EvidenceFailed(f"{versions.host} has no subset {name}", "a DestinationRule must have it")
        both = {name: found[name] for name in (versions.stable, versions.candidate)}
        if len({revision(labels) for labels in both.values()}) < len(both):
            hint = "label their pods `version`"
            raise EvidenceFailed(f"Istio's metrics do not tell {versions.stable} from {versions.candidate}", hint)
        return both

    def _ready(self, versions: Versions, subsets: Mapping[str, Labels]) -> dict[str, bool]:
        """Whether some pod of each version gets requests; none does of a service that is gone."""
        namespace, name = _namespace(versions), versions.host.partition(".")[0]
        try:
            selector = self._client.get(SERVICE, namespace, name)["spec"].get("selector") or {}
        except ApiError as error:
            if error.status == 404:
                return dict.fromkeys(subsets, False)
            raise
        return {subset: self._serves(namespace, {**selector, **labels}) for subset, labels in subsets.items()}

    def _serves(self, namespace: str, labels: Labels) -> bool:
        wanted = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        return any(_is_up(pod) for pod in self._client.list(POD, namespace, label_selector=wanted)["items"])


def asking(server: str) -> Ask:
    """The Prometheus at an address."""
    return lambda promql, at: prometheus.data(server, promql, at)


class _Look:
    """What came since the look before."""

    def __init__(
        self, ask: Ask, question: Question, revisions: Mapping[str, str], before: Evidence, until: float
    ) -> None:
        self._ask = ask
        self._question = question
        self._revisions = revisions
        self._before = before
        self._until = until
        self.problems: list[str] = []
        self._requests = self._grown(REQUESTS, {})

    def split(self) -> tuple[int, int]:
        """The candidate's requests, and those of all versions."""
        candidate = sum(each.by for each in self._of(self._requests, self._question.versions.candidate))
        return candidate, sum(each.by for each in self._requests)

    def counts(self, asked: Asked) -> Counts | None:
        """Since the step began; None: it cannot be counted yet."""
        versions = self._question.versions
        try:
            candidate, stable = self._stream(asked, versions.candidate), self._stream(asked, versions.stable)
        except EvidenceFailed as error:
            self.problems.append(f"{asked.guard.name}: {error.message}")
            return self._before.guards.get(asked.guard.name)
        if candidate is None or stable is None:
            return None
        if asked.guard.kind == "query":  # what it gives are sums already
            return Counts(candidate, stable)
        return self._before.guards.get(asked.guard.name, Counts()) + Counts(candidate, stable)

    def _stream(self, asked: Asked, subset: str) -> Stream | None:
        match asked.guard.kind:
            case "errors":
                found = list(self._of(self._requests, subset))
                bad = sum(each.by for each in found if is_bad(each.labels.get("response_code", ""), asked.codes))
                return Stream(bad, sum(each.by for each in found))
            case "slow" if asked.limit is not None:
                return self._slower(subset, asked.limit)
            case "query" if asked.query is not None:
                return _queried(self._asker(asked.query), asked.query, self._words(subset))
            case _:
                return None

    def _slower(self, subset: str, limit_us: float) -> Stream:
        """Than the edge of a bucket: the highest that is not above the limit."""
        edge = max((bound for bound in BOUNDS_MS if bound * MICROSECONDS <= limit_us), default=BOUNDS_MS[0])
        wanted = rf"{edge:g}(\\.0)?|\\+Inf"
        found = list(self._of(self._grown(DURATIONS, {"le": wanted}), subset))
        total = sum(each.by for each in found if _bound(each) == inf)
        within = sum(each.by for each in found if _bound(each) == edge)
        return Stream(max(total - within, 0), total)

    def _grown(self, metric: str, patterns: Labels) -> Sequence[Grown]:
        labels = _answered(self._question.versions)
        names = [f"{prefix}_{metric}" for prefix in (COPIES if self._question.copies else COPIES[:1])]
        if len(names) > 1:  # Turnout's own metrics of copies have no reporter
            labels, patterns = _without(labels, "reporter"), {**patterns, "reporter": "destination|"}
        selector = _selector(labels, {"__name__": "|".join(names), **patterns})
        since = max(self._before.until, self._until - LONGEST_SECONDS)
        return growth.grown(self._ask, selector, since, self._until)

    def _of(self, found: Sequence[Grown], subset: str) -> Iterator[Grown]:
        return (each for each in found if each.labels.get(REVISION) == self._revisions[subset])

    def _asker(self, query: Query) -> Ask:
        return asking(query.prometheus) if query.prometheus else self._ask

    def _words(self, subset: str) -> Mapping[str, str]:
        version = self._revisions[subset]
        return {**named(self._question.versions.host), "subset": subset, "version": version}


def _queried(ask: Ask, query: Query, words: Mapping[str, str]) -> Stream | None:
    """What both counters hold now; in this order: what is bad is among what is counted later."""
    bad, total = (_value(ask, Template(text).safe_substitute(words)) for text in (query.bad, query.total))
    return None if total is None else Stream(min(round(bad or 0.0), round(total)), round(total))


def _value(ask: Ask, promql: str) -> float | None:
    return prometheus.count(ask(promql, None), promql)


def _answered(versions: Versions) -> Labels:
    return {"reporter": "destination", "destination_service": versions.host}


def _without(labels: Labels, name: str) -> Labels:
    return {key: value for key, value in labels.items() if key != name}


def _selector(labels: Labels, patterns: Labels) -> str:
    """`patterns`: regular expressions, as PromQL's strings have them."""
    matchers = [f'{name}="{value}"' for name, value in labels.items()]
    return "{" + ",".join([*matchers, *(f'{name}=~"{pattern}"' for name, pattern in patterns.items())]) + "}"


def _namespace(versions: Versions) -> str:
    return versions.host.split(".")[1]


def _is_up(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def _bound(series: Grown) -> float:
    """In milliseconds."""
    return float(series.labels.get("le", "nan").replace("+Inf", "inf"))


def _buckets(found: Sequence[Grown]) -> Buckets:
    """Of cumulative ones, in microseconds; what lies above the last bound is in none."""
    at_most: dict[float, int] = {}
    for each in found:
        at_most[_bound(each)] = at_most.get(_bound(each), 0) + each.by
    edges = [(0.0, 0), *sorted((bound, count) for bound, count in at_most.items() if bound < inf)]
    return {
        (low * MICROSECONDS, (high - low) * MICROSECONDS): count - fewer
        for (low, fewer), (high, count) in pairwise(edges)
        if count > fewer
    }
