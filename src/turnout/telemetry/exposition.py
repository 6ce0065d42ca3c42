"""All sums as Prometheus reads them: in its text format, or as OpenMetrics.

Written here, because the lines of one series have all labels but one in common, and a histogram has 22 of them:
`prometheus_client`, which sorts and escapes the labels of each line anew, takes thirty times as long. The tests have
it parse what is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from turnout.mesh.names import parse_cluster
from turnout.telemetry import istio
from turnout.telemetry.histogram import Bucket, Buckets, cumulative, total
from turnout.telemetry.series import Series
from turnout.telemetry.stats import NEVER_BEGUN, Snapshot

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

BOUNDS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6, 3.6e6)
"""Istio's, for milliseconds and for bytes alike."""
_LE = [f',le="{bound:.1f}"}} ' for bound in BOUNDS] + [',le="+Inf"} ']
_MICROSECONDS = 1000
"""In a millisecond: the one is counted, the other shown."""
_PIECE_CHARACTERS = 1 << 18


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one answer is made of. `builds`: component (`pilot`, `proxy`) to version; `folded`: series too many."""

    sums: Snapshot = field(default_factory=lambda: Snapshot(0.0))
    builds: Mapping[str, str] = field(default_factory=dict)
    folded: int = 0


@dataclass(slots=True)
class _Group:
    """Series that Istio's labels do not tell apart, as those of two routes. `labels`: as text, of each reporter."""

    labels: tuple[str, ...]
    series: list[Series] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Family:
    """One metric; the name of a counter is without its `_total`."""

    name: str
    help: str
    type: str
    lines: Iterable[str]


def content_type(accept: str) -> str:
    """What to answer with: OpenMetrics to whoever can read it."""
    offered = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return OPENMETRICS if "application/openmetrics-text" in offered else TEXT


def pieces(scrape: Scrape, content_type: str) -> Iterator[bytes]:
    """The whole answer, of which 2,000 series make some 200 MB, piece by piece; each takes a few milliseconds."""
    held, size = [], 0
    for line in _lines(scrape, openmetrics=content_type == OPENMETRICS):
        held.append(line)
        size += len(line)
        if size > _PIECE_CHARACTERS:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()


def _lines(scrape: Scrape, *, openmetrics: bool) -> Iterator[str]:
    """OpenMetrics calls a counter by its name without `_total`, and says where the end is."""
    for family in _families(scrape):
        name = family.name + ("_total" if family.type == "counter" and not openmetrics else "")
        yield f"# HELP {name} {family.help}\n# TYPE {name} {family.type}\n"
        yield from family.lines
    if openmetrics:
        yield "# EOF\n"


def _families(scrape: Scrape) -> Iterator[_Family]:
    answers = (series for series in scrape.sums.requests if not series.mirrored)
    copies = (series for series in scrape.sums.requests if series.mirrored)
    yield from _traffic("istio", "requests", _groups(answers), scrape.sums)
    yield from _traffic("turnout_mirrored", "mirrored copies of requests", _groups(copies), scrape.sums)
    yield from _connections(scrape.sums)
    yield _of_clusters(
        "turnout_upstream_retries", "Attempts beyond the first.", scrape.sums, "outbound", ("upstream_rq_retry",)
    )
    yield _of_clusters(
        "turnout_mirrored_overflow", "Copies not begun, for want of room.", scrape.sums, "mirror", NEVER_BEGUN
    )
    builds = (f"istio_build{{{text({'component': c, 'tag': tag})}}} 1\n" for c, tag in scrape.builds.items())
    yield _Family("istio_build", "Which version of a component runs.", "gauge", builds)
    folded = [f"turnout_series_folded {scrape.folded}\n"]
    yield _Family("turnout_series_folded", "Series that are counted together as `other`.", "gauge", folded)


def _traffic(prefix: str, what: str, groups: Sequence[_Group], sums: Snapshot) -> Iterator[_Family]:
    counters = _counters(f"{prefix}_requests_total", groups, sums.requests)
    yield _Family(f"{prefix}_requests", f"How many {what}.", "counter", counters)
    for name, about, counted, scale in (
        ("request_duration_milliseconds", "How long they took", sums.durations, _MICROSECONDS),
        ("request_bytes", "How large they were, with headers", sums.request_sizes, 1),
        ("response_bytes", "How large the answers were, with headers", sums.response_sizes, 1),
    ):
        lines = _histograms(f"{prefix}_{name}", groups, counted, scale)
        yield _Family(f"{prefix}_{name}", f"{about}: {what}.", "histogram", lines)


_OF_CONNECTIONS = (
    ("connections_opened", "How many connections were opened."),
    ("connections_closed", "How many connections were closed."),
    ("received_bytes", "What came from callers in connections that have ended."),
    ("sent_bytes", "What callers got in connections that have ended."),
)


def _connections(sums: Snapshot) -> Iterator[_Family]:
    groups: dict[str, list[Series]] = {}
    for series in sums.connections:
        groups.setdefault(text(istio.connection(series)), []).append(series)
    shown = [
        (f"{text(reporter)},{labels}", several)
        for labels, several in groups.items()
        for reporter in istio.reporters(several[0])
    ]
    for figure, about in _OF_CONNECTIONS:
        name = f"istio_tcp_{figure}"
        counts = (
            (labels, sum(sums.connections[s].get(f"{name}_total", 0) for s in several)) for labels, several in shown
        )
        yield _Family(name, about, "counter", [f"{name}_total{{{labels}}} {n}\n" for labels, n in counts])


def _groups(series: Iterable[Series]) -> list[_Group]:
    groups: dict[str, _Group] = {}
    for one in series:
        labels = text(istio.destination(one) if one.mirrored else istio.labels(one))
        if labels not in groups:
            reporters = () if one.mirrored else istio.reporters(one)
            groups[labels] = _Group(tuple(f"{text(reporter)},{labels}" for reporter in reporters) or (labels,))
        groups[labels].series.append(one)
    return list(groups.values())


def _counters(name: str, groups: Iterable[_Group], counted: Mapping[Series, int]) -> Iterator[str]:
    for group in groups:
        count = sum(counted[series] for series in group.series)
        yield from (f"{name}{{{labels}}} {count}\n" for labels in group.labels)


def _histograms(name: str, groups: Iterable[_Group], counted: Mapping[Series, Buckets], scale: int) -> Iterator[str]:
    """`scale`: so many of what is counted are one of what is shown."""
    bounds = [bound * scale for bound in BOUNDS]
    for group in groups:
        buckets = _together(counted.get(series, {}) for series in group.series)
        count = sum(buckets.values())
        ends = [f"{le}{below}\n" for le, below in zip(_LE, [*cumulative(buckets, bounds), count], strict=True)]
        shown = f"{total(buckets) / scale:.3f}"
        for labels in group.labels:
            begins = f"{name}_bucket{{{labels}"
            yield "".join([begins + end for end in ends])
            yield f"{name}_count{{{labels}}} {count}\n{name}_sum{{{labels}}} {shown}\n"


def _together(several: Iterable[Buckets]) -> Buckets:
    first, *more = several
    if not more:
        return first
    summed: Counter[Bucket] = Counter(first)
    for buckets in more:
        summed.update(buckets)
    return summed


def _of_clusters(name: str, about: str, sums: Snapshot, kind: str, counters: Iterable[str]) -> _Family:
    """Envoy's own counters of its clusters, by service and subset."""
    counts: Counter[str] = Counter()
    for key, counted in sums.clusters.items():
        cluster = parse_cluster(key)
        if cluster and cluster.kind == kind:
            labels = text(istio.service(cluster.host) | {"destination_subset": cluster.subset})
            counts[labels] += sum(counted.get(counter, 0) for counter in counters)
    return _Family(name, about, "counter", (f"{name}_total{{{labels}}} {n}\n" for labels, n in counts.items()))


def text(labels: Mapping[str, str]) -> str:
    """Labels as they stand between the braces."""
    return ",".join([f'{name}="{_escaped(value)}"' for name, value in labels.items()])


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
