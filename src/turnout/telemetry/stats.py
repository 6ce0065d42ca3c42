"""Envoy's answer to `/stats?histogram_buckets=detailed` as series of requests and counters of clusters.

As text: a third of what it is as JSON, and of a histogram only the buckets that have grown need to be read. A counter
is a line `name: value`; a histogram a line `name:`, then one each for its totals (`  totals=lower,width:count, …`), for
what came since it was last asked for, and for some quantiles; or `name: No recorded values`.

Envoy writes the one tag of its stats logger into the stat's name: all labels in the order of `compiler.access_log`,
those of the endpoint among them in the order of `compiler.endpoint`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from turnout.telemetry.histogram import Bucket, Buckets, added
from turnout.telemetry.labels import answerer
from turnout.telemetry.series import Series, other

CLUSTER_COUNTERS = (
    "upstream_rq_total",
    "upstream_rq_retry",
    "upstream_rq_timeout",
    "upstream_rq_active_overflow",
    "upstream_rq_cancelled",
    "upstream_rq_pending_overflow",
    "upstream_rq_pending_failure_eject",
    "upstream_rq_rx_reset",
    "upstream_cx_connect_fail",
    "upstream_cx_none_healthy",
    "upstream_cx_overflow",
)
NEVER_BEGUN = ("upstream_rq_active_overflow", "upstream_rq_pending_overflow", "upstream_rq_cancelled")
"""Of a mirror's cluster: copies for which there was no room before the request they copy was over."""
_FILTER = rf"^turnout\.|^cluster\.(outbound|mirror|copy)\|.*\.({'|'.join(CLUSTER_COUNTERS)})$"
MERGE = "/stats?type=TextReadouts"
"""Envoy merges its threads' histograms whenever it is asked for stats, but answers with what was merged before."""
SCRAPE = f"/stats?histogram_buckets=detailed&filter={quote(_FILTER)}"
"""What to ask Envoy's admin for, after MERGE; unfiltered, it answers with megabytes."""

MOST_SERIES = 2_000

_STAT = re.compile(
    r"turnout\.(?:istio|(turnout_mirrored))_(requests_total|request_duration_us|request_bytes|response_bytes)"
    r"\.series\.(.*)",
    re.DOTALL,
)
_CONNECTIONS = re.compile(r"turnout\.(istio_tcp_\w+_total)\.series\.(.*)", re.DOTALL)
_OF_CONNECTIONS = "turnout.istio_tcp_"
_INSIDE = "inside|"
"""Begins the cluster of a tunnel that ends in the proxy: what is asked in it is counted."""
_LABELS = 10


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of Envoy's counters at one moment (cumulative since Envoy started). `at`: seconds of a monotonic clock."""

    at: float
    requests: Mapping[Series, int] = field(default_factory=dict)
    durations: Mapping[Series, Buckets] = field(default_factory=dict)
    """Microseconds."""
    request_sizes: Mapping[Series, Buckets] = field(default_factory=dict)
    """Bytes on the wire, headers and all."""
    response_sizes: Mapping[Series, Buckets] = field(default_factory=dict)
    clusters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    connections: Mapping[Series, Mapping[str, int]] = field(default_factory=dict)
    """Of those that nobody reads: what Istio calls `istio_tcp_…_total`, by these names."""


@dataclass(slots=True)
class _Histogram:
    """What one of Envoy's histograms was when it was read last. Its buckets are replaced, never changed."""

    figure: str
    series: Series
    text: str = ""
    entries: frozenset[str] = frozenset()
    buckets: Mapping[Bucket, int] = field(default_factory=dict)

    def read(self, text: str) -> None:
        """`text`: its totals. Of a cumulative histogram few buckets differ from one second to the next."""
        if text == self.text:
            return
        entries = frozenset(text.split(", ")) if text else frozenset()
        grown = dict(_bucket_count(entry) for entry in entries - self.entries)
        buckets = {**self.buckets, **grown}
        if len(buckets) != len(entries):  # it began anew
            buckets = dict(map(_bucket_count, entries))
        self.text, self.entries, self.buckets = text, entries, buckets


def _bucket_count(entry: str) -> tuple[Bucket, int]:
    """`1000,100:7`."""
    bounds, _, count = entry.partition(":")
    return _bucket(bounds), int(count)


@lru_cache(maxsize=4096)
def _bucket(bounds: str) -> Bucket:
    lower, _, width = bounds.partition(",")
    return float(lower), float(width)


class Reader:
    """Reads one scrape after the other, and tells at most `most` series apart: what comes later is `other`."""

    def __init__(self, most: int = MOST_SERIES) -> None:
        self._most = most
        self._kept: set[Series] = set()
        self._folded: set[Series] = set()
        self._counters: dict[str, Series | None] = {}
        self._connections: dict[str, tuple[str, Series] | None] = {}
        self._histograms: dict[str, _Histogram | None] = {}
        """By the stat's name, which comes again with every scrape; None: unknown to us."""

    @property
    def folded(self) -> int:
        """How many series are not told apart."""
        return len(self._folded)

    def forget(self) -> None:
        """Another Envoy counts anew: its first series are those told apart."""
        self._kept.clear()
        self._folded.clear()
        self._counters.clear()
        self._connections.clear()
        self._histograms.clear()

    def read(self, body: bytes, at: float) -> Snapshot:
        """Unknown stats are passed over."""
        snapshot = _Draft()
        name = ""
        for line in body.decode(errors="replace").split("\n"):
            if line.startswith("  totals="):
                self._histogram(name, line[len("  totals=") :], snapshot)
            elif line.startswith("cluster."):
                _cluster(line, snapshot.clusters)
            elif line.startswith("turnout."):
                name = line[:-1]
                if not line.endswith(":"):
                    self._counter(line, snapshot)
        return Snapshot(
            at,
            snapshot.requests,
            snapshot.of["request_duration_us"],
            snapshot.of["request_bytes"],
            snapshot.of["response_bytes"],
            snapshot.clusters,
            snapshot.connections,
        )

    def _counter(self, line: str, snapshot: _Draft) -> None:
        name, _, value = line.rpartition(": ")
        if name not in self._counters:
            found = _parsed(name)
            kept = found if found and found[0] == "requests_total" else None
            self._counters[name] = self._told_apart(kept[1]) if kept else None
        series = self._counters[name]
        if series is not None:
            snapshot.requests[series] = snapshot.requests.get(series, 0) + int(value)
        elif name.startswith(_OF_CONNECTIONS):
            self._connection(name, int(value), snapshot)

    def _connection(self, name: str, value: int, snapshot: _Draft) -> None:
        if name not in self._connections:
            match = _CONNECTIONS.fullmatch(name)
            series = _series(match[2], mirrored=False) if match else None
            kept = series and not series.upstream_cluster.startswith(_INSIDE)
            self._connections[name] = (match[1], self._told_apart(series)) if match and series and kept else None
        found = self._connections[name]
        if found is not None:
            counts = snapshot.connections.setdefault(found[1], {})
            counts[found[0]] = counts.get(found[0], 0) + value

    def _histogram(self, name: str, totals: str, snapshot: _Draft) -> None:
        if name not in self._histograms:
            found = _parsed(name)
            self._histograms[name] = _Histogram(found[0], self._told_apart(found[1])) if found else None
        histogram = self._histograms[name]
        if histogram is not None:
            histogram.read(totals)
            snapshot.add(histogram)

    def _told_apart(self, series: Series) -> Series:
        if series in self._kept or len(self._kept) < self._most:
            self._kept.add(series)
            return series
        self._folded.add(series)
        return other(series)


class _Draft:
    """A snapshot in the making."""

    def __init__(self) -> None:
        self.requests: dict[Series, int] = {}
        self.of: dict[str, dict[Series, Buckets]] = {
            figure: {} for figure in ("request_duration_us", "request_bytes", "response_bytes")
        }
        self.clusters: dict[str, dict[str, int]] = {}
        self.connections: dict[Series, dict[str, int]] = {}

    def add(self, histogram: _Histogram) -> None:
        """Those of series that are not told apart become one."""
        known = self.of[histogram.figure]
        before = known.get(histogram.series)
        known[histogram.series] = histogram.buckets if before is None else added(before, histogram.buckets)


def _parsed(name: str) -> tuple[str, Series] | None:
    match = _STAT.fullmatch(name)
    series = _series(match[3], mirrored=match[1] is not None) if match else None
    return (match[2], series) if match and series else None


def _series(labels: str, *, mirrored: bool) -> Series | None:
    parts = labels.split(";", _LABELS - 1)
    if len(parts) != _LABELS:
        return None
    workload, namespace, service, revision, code, flags, grpc_status, cluster, endpoint, route = parts
    return Series(
        workload,
        namespace,
        service,
        revision,
        cluster,
        *answerer(endpoint),
        route=route,
        response_code=code,
        response_flags=flags,
        grpc_response_status=grpc_status.strip("-"),
        mirrored=mirrored,
    )


def _cluster(line: str, clusters: dict[str, dict[str, int]]) -> None:
    stat, _, value = line.removeprefix("cluster.").rpartition(": ")
    name, _, counter = stat.rpartition(".")
    if counter in CLUSTER_COUNTERS:
        clusters.setdefault(name, {})[counter] = int(value)
