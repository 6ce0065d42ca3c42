"""Istio's standard metrics, as a Prometheus has them, told as what each kind of request did.

Three things differ from what our own Envoy tells. Which subset answered is told by the labels of the pods. Nobody
counts by route. And a copy is counted only where it arrives, like any request: what more came from a caller to a
version that is mirrored to than the caller says to have sent were copies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Final, NamedTuple

from turnout.cluster.spread import spread
from turnout.error import EvidenceFailed
from turnout.evidence.growth import Ask
from turnout.mesh import names
from turnout.mesh.mesh import Mesh
from turnout.telemetry.exposition import text
from turnout.telemetry.istio import UNKNOWN
from turnout.telemetry.promql import COPIES, DURATION, REQUESTS
from turnout.telemetry.route_map import Version
from turnout.telemetry.series import Series
from turnout.telemetry.traffic import Traffic

LEAST_SECONDS: Final = 60.0
"""A Prometheus that scrapes every 15 s, as Istio's does, knows nothing of less."""

REPORTERS: Final = ("source", "waypoint", "destination", "")
"""Whoever tells of a call first is believed: the caller's side knows more, but not everybody has one."""

NOISE: Final = 0.02
"""The two sides of a call are scraped at different moments: so much more on one of them means nothing."""

_ENDS: Final = tuple(
    f"{side}_{name}"
    for side in ("source", "destination")
    for name in ("workload", "workload_namespace", "canonical_service", "canonical_revision")
)
_SAID: Final = (*_ENDS, "response_code", "response_flags", "grpc_response_status")
_PAIR: Final = ("reporter", "destination_service", *_ENDS)
_KIND: Final = ("reporter", "destination_service", *_SAID)
_METRICS: Final = ((REQUESTS, _KIND), (COPIES, _KIND), (f"{DURATION}_bucket", (*_PAIR, "le")))
_NOTHING: Final[Mapping[str, Any]] = {"result": ()}

Labels = Mapping[str, str]
Name = tuple[str, str]


class Pair(NamedTuple):
    """Who called whom for what: workloads as (namespace, name), both empty where it is not known."""

    source: Name
    destination: Name
    service: str


@dataclass(frozen=True, slots=True)
class Places:
    """`subsets`: host and workload to the subset that its pods are in. `mirrored`: where copies go."""

    subsets: Mapping[tuple[str, Name], str] = field(default_factory=dict)
    mirrored: Collection[Version] = ()

    def subset(self, pair: Pair) -> str:
        return self.subsets.get((pair.service, pair.destination), "")

    def gets_copies(self, pair: Pair) -> bool:
        """Of a caller who says what he sends."""
        return bool(pair.source[1]) and (pair.service, self.subset(pair)) in self.mirrored


def subset_of(mesh: Mesh, host: str, labels: Labels) -> str:
    """The first that the labels are in; empty where there is none."""
    policy = mesh.policies.get(host)
    found = (each.name for each in (policy.subsets if policy else ()) if each.labels.items() <= labels.items())
    return next(found, "")


def lately(ask: Ask, seconds: float, places: Places, namespace: str = "") -> dict[Series, Traffic]:
    """What came to pass within some seconds, to services of one namespace or of all. Raises EvidenceFailed."""
    seconds = max(seconds, LEAST_SECONDS)
    chosen = {"destination_service_namespace": namespace} if namespace else {}
    queries = [_increase(metric, labels, seconds, chosen) for metric, labels in _METRICS]
    return _traffic([ask(query, None) for query in queries], seconds, places)


def over_time(
    ask: Ask, host: str, seconds: float, step: float, places: Places
) -> Iterator[tuple[float, dict[Series, Traffic]]]:
    """Of one service: when each step began (unix seconds), and what came to pass within it. Raises EvidenceFailed."""
    queries = [_increase(metric, labels, step, {"destination_service": host}) for metric, labels in _METRICS]
    # A subquery: many moments for one question, which a service's proxy takes as well.
    answers = [_by_moment(ask(f"({query})[{seconds:.0f}s:{step:.0f}s]", None)) for query in queries]
    for at in sorted(answers[0].keys() | answers[1].keys()):
        yield at - step, _traffic([answer.get(at, _NOTHING) for answer in answers], step, places)


def _by_moment(data: Mapping[str, Any]) -> dict[float, dict[str, Any]]:
    """A matrix as one vector for each moment."""
    found: dict[float, dict[str, Any]] = {}
    try:
        for series in data["result"]:
            for at, value in series["values"]:
                vector = found.setdefault(float(at), {"result": []})
                vector["result"].append({"metric": series["metric"], "value": [at, value]})
    except (LookupError, TypeError, ValueError) as error:
        raise _unknown() from error
    return found


def _traffic(answers: Sequence[Mapping[str, Any]], seconds: float, places: Places) -> dict[Series, Traffic]:
    """Of requests, copies and durations."""
    requests, copies, durations = answers
    counts = _counts(requests, copies, places)
    traffic = {
        series: Traffic(count, count if series.failed else 0, seconds) for series, count in counts.items() if count
    }
    busiest: dict[Pair, Series] = {}
    for series in sorted(traffic, key=lambda each: traffic[each].requests):
        busiest[_pair_of(series)] = series
    for pair, buckets in _durations(durations):
        if pair in busiest:  # nobody asks for the durations of one code or flag
            traffic[busiest[pair]].durations.update(buckets)
    return traffic


def ever(ask: Ask, places: Places, namespace: str = "") -> dict[Series, int]:
    """What the counters hold: pods that are gone took theirs along. Raises EvidenceFailed."""
    chosen = {"destination_service_namespace": namespace} if namespace else {}
    requests, copies = (ask(_sum(metric, labels, chosen), None) for metric, labels in _METRICS[:2])
    return {series: count for series, count in _counts(requests, copies, places).items() if count}


# --- PromQL


def _increase(metric: str, labels: tuple[str, ...], seconds: float, chosen: Labels) -> str:
    return f"sum by ({', '.join(labels)}) (increase({_selector(metric, chosen)}[{seconds:.0f}s])) > 0"


def _sum(metric: str, labels: tuple[str, ...], chosen: Labels) -> str:
    return f"sum by ({', '.join(labels)}) ({_selector(metric, chosen)}) > 0"


def _selector(metric: str, chosen: Labels) -> str:
    return f"{metric}{{{text(chosen)}}}"


def _values(data: Mapping[str, Any]) -> Iterator[tuple[Labels, float]]:
    try:
        for sample in data["result"]:
            value = float(sample["value"][1])
            if isfinite(value):
                yield sample["metric"], value
    except (LookupError, TypeError, ValueError) as error:
        raise _unknown() from error


def _unknown() -> EvidenceFailed:
    return EvidenceFailed("Prometheus answers in an unknown way", "is it a Prometheus?")


# --- what it says


def _counts(requests: Mapping[str, Any], copies: Mapping[str, Any], places: Places) -> dict[Series, int]:
    found: dict[Series, float] = defaultdict(float)
    for pair, reporters in _reported(requests, places).items():
        for series, count in _told(pair, reporters, places):
            found[series] += count
    for reporters in _reported(copies, places).values():
        for told_by in reporters.values():
            for series, count in told_by.items():
                found[_copy(series)] += count
    return {series: round(count) for series, count in found.items()}


Reports = Mapping[str, Mapping[Series, float]]
"""By who reports."""


def _reported(data: Mapping[str, Any], places: Places) -> dict[Pair, dict[str, dict[Series, float]]]:
    found: dict[Pair, dict[str, dict[Series, float]]] = {}
    for labels, value in _values(data):
        pair = _pair(labels)
        told_by = found.setdefault(pair, {}).setdefault(_reporter(labels), {})
        series = _series(labels, pair, places.subset(pair))
        told_by[series] = told_by.get(series, 0.0) + value
    return found


def _told(pair: Pair, reports: Reports, places: Places) -> Iterator[tuple[Series, float]]:
    """Requests; and the copies that can be told from them."""
    if not places.gets_copies(pair):
        yield from reports[_first(reports)].items()
        return
    sent, arrived = reports.get("source", {}), reports.get("destination", {})
    yield from sent.items()
    total = sum(arrived.values())
    copies = total - sum(sent.values())
    if copies > NOISE * total:
        yield from ((_copy(series), count * copies / total) for series, count in arrived.items())


def _durations(data: Mapping[str, Any]) -> Iterator[tuple[Pair, dict[tuple[float, float], int]]]:
    found: dict[Pair, dict[str, dict[float, float]]] = {}
    for labels, value in _values(data):
        at_most = found.setdefault(_pair(labels), {}).setdefault(_reporter(labels), {})
        at_most[float(labels.get("le", "nan").replace("+Inf", "inf"))] = value
    for pair, reports in found.items():
        yield pair, spread(reports[_first(reports)])


def _reporter(labels: Labels) -> str:
    reporter = labels.get("reporter", "")
    return reporter if reporter in REPORTERS else ""


def _first(reports: Mapping[str, object]) -> str:
    return min(reports, key=REPORTERS.index)


def _copy(series: Series) -> Series:
    return replace(series, upstream_cluster=series.upstream_cluster.replace("outbound|", "copy|", 1), mirrored=True)


def _pair(labels: Labels) -> Pair:
    return Pair(_end(labels, "source"), _end(labels, "destination"), _known(labels, "destination_service"))


def _pair_of(series: Series) -> Pair:
    source = (series.source_workload_namespace, series.source_workload)
    destination = (series.destination_workload_namespace, series.destination_workload)
    return Pair(source, destination, series.destination_service)


def _end(labels: Labels, side: str) -> Name:
    return _known(labels, f"{side}_workload_namespace"), _known(labels, f"{side}_workload")


def _series(labels: Labels, pair: Pair, subset: str) -> Series:
    """The port is in no metric of Istio's."""
    own: dict[str, Any] = {name: _known(labels, name) for name in _SAID}
    cluster = names.cluster(0, subset, pair.service) if pair.service else "-"
    return Series(**own, upstream_cluster=cluster, destination_subset=subset)


def _known(labels: Labels, name: str) -> str:
    value = labels.get(name, "")
    return "" if value == UNKNOWN else value
