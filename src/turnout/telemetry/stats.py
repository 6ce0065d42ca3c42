"""Envoy's answer to `/stats?format=json&histogram_buckets=detailed` as series of requests and counters of clusters.

Envoy writes the one tag of its stats logger into the stat's name: all labels in the order of `compiler.access_log`,
those of the endpoint among them in the order of `compiler.endpoint`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from turnout.telemetry.histogram import Bucket, Buckets
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
SCRAPE = f"/stats?format=json&histogram_buckets=detailed&filter={quote(_FILTER)}"
"""What to ask Envoy's admin for; unfiltered, it answers with megabytes."""

MOST_SERIES = 2_000

_STAT = re.compile(
    r"turnout\.(?:istio|(turnout_mirrored))_(requests_total|request_duration_us|request_bytes|response_bytes)"
    r"\.series\.(.*)",
    re.DOTALL,
)
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


class Reader:
    """Reads one scrape after the other, and tells at most `most` series apart: what comes later is `other`."""

    def __init__(self, most: int = MOST_SERIES) -> None:
        self._most = most
        self._kept: set[Series] = set()
        self._folded: set[Series] = set()
        self._named: dict[str, tuple[str, Series] | None] = {}
        """Stat name → which of the figures it is, and of what: names come again with every scrape."""

    @property
    def folded(self) -> int:
        """How many series are not told apart."""
        return len(self._folded)

    def forget(self) -> None:
        """Another Envoy counts anew: its first series are those told apart."""
        for known in (self._kept, self._folded, self._named):
            known.clear()

    def read(self, body: bytes, at: float) -> Snapshot:
        """Unknown stats are passed over."""
        snapshot = _Draft()
        for stat in json.loads(body)["stats"]:
            if "histograms" in stat:
                self._histograms(stat["histograms"], snapshot)
            elif stat["name"].startswith("cluster."):
                _cluster(stat, snapshot.clusters)
            else:
                known = self._series(stat["name"])
                if known is not None:
                    snapshot.requests[known[1]] = snapshot.requests.get(known[1], 0) + int(stat["value"])
        return Snapshot(
            at,
            snapshot.requests,
            snapshot.of["request_duration_us"],
            snapshot.of["request_bytes"],
            snapshot.of["response_bytes"],
            snapshot.clusters,
        )

    def _histograms(self, stat: Mapping[str, Any], snapshot: _Draft) -> None:
        for detail in stat.get("details", ()):
            known = self._series(detail["name"])
            if known is not None:
                figure, series = known
                buckets = snapshot.of[figure].setdefault(series, {})
                for bucket, count in _buckets(detail):
                    buckets[bucket] = buckets.get(bucket, 0) + count

    def _series(self, name: str) -> tuple[str, Series] | None:
        if name not in self._named:
            found = _parsed(name)
            self._named[name] = (found[0], self._told_apart(found[1])) if found else None
        return self._named[name]

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
        self.of: dict[str, dict[Series, dict[Bucket, int]]] = {
            figure: {} for figure in ("request_duration_us", "request_bytes", "response_bytes")
        }
        self.clusters: dict[str, dict[str, int]] = {}


def _parsed(name: str) -> tuple[str, Series] | None:
    match = _STAT.fullmatch(name)
    parts = match[3].split(";", _LABELS - 1) if match else []
    if match is None or len(parts) != _LABELS:
        return None
    workload, namespace, service, revision, code, flags, grpc_status, cluster, endpoint, route = parts
    return match[2], Series(
        workload,
        namespace,
        service,
        revision,
        cluster,
        *_endpoint(endpoint),
        route=route,
        response_code=code,
        response_flags=flags,
        grpc_response_status=grpc_status.strip("-"),
        mirrored=match[1] is not None,
    )


def _endpoint(labels: str) -> tuple[str, str, str, str, str]:
    """Workload, namespace, service, revision and subset; all empty where nobody was there to answer."""
    parts = labels.split(",")
    return (parts[0], parts[1], parts[2], parts[3], parts[4]) if len(parts) == 5 else ("",) * 5


def _buckets(detail: Mapping[str, Any]) -> Iterator[tuple[Bucket, int]]:
    for bucket in detail.get("totals", ()):
        yield _bucket(bucket["lower_bound"], bucket["width"]), bucket["count"]


@lru_cache(maxsize=4096)
def _bucket(lower: float, width: float) -> Bucket:
    """Envoy computes bounds in floats: 110.00000000000001 is 110."""
    return round(lower, 6), round(width, 6)


def _cluster(stat: Mapping[str, Any], clusters: dict[str, dict[str, int]]) -> None:
    name, _, counter = stat["name"].removeprefix("cluster.").rpartition(".")
    if counter in CLUSTER_COUNTERS:
        clusters.setdefault(name, {})[counter] = int(stat["value"])
