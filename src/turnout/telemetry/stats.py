"""Envoy's answer to `/stats?format=json&histogram_buckets=detailed` as series of requests and counters of clusters.

Envoy writes the one tag of its stats logger into the stat's name: all labels in the order of `compiler.access_log`,
those of the endpoint among them in the order of `compiler.endpoint`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from turnout.mesh.names import parse_cluster

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
_FILTER = rf"^turnout\.|^cluster\.(outbound|mirror|copy)\|.*\.({'|'.join(CLUSTER_COUNTERS)})$"
SCRAPE = f"/stats?format=json&histogram_buckets=detailed&filter={quote(_FILTER)}"
"""What to ask Envoy's admin for; unfiltered, it answers with megabytes."""


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of request: who called, who answered, how. `mirrored`: a copy, whose answer nobody got."""

    source_workload: str = ""
    source_workload_namespace: str = ""
    upstream_cluster: str = ""
    """As mesh.names has it, `outbound|<port>|<subset>|<host>`; of a copy `copy|…`; "-" where a route leads to none."""
    destination_workload: str = ""
    destination_workload_namespace: str = ""
    destination_version: str = ""
    destination_subset: str = ""
    route: str = ""
    response_code: str = ""
    response_flags: str = ""
    mirrored: bool = False

    @property
    def destination_service(self) -> str:
        """The service's full host name; "" when the request was for none that is known."""
        cluster = parse_cluster(self.upstream_cluster)
        return cluster.host if cluster else ""

    @property
    def subset(self) -> str:
        """The endpoint's subset; without an endpoint, the one that was asked for. "" when there is none."""
        cluster = parse_cluster(self.upstream_cluster)
        return self.destination_subset.strip("-") or (cluster.subset if cluster else "")

    @property
    def failed(self) -> bool:
        """5xx, or no answer at all (code 0)."""
        return self.response_code.startswith("5") or self.response_code == "0"


Bucket = tuple[float, float]
"""Lower bound and width of one of Envoy's log-linear buckets, in microseconds."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of Envoy's counters at one moment (cumulative since Envoy started)."""

    at: float
    requests: Mapping[Series, int] = field(default_factory=dict)
    durations: Mapping[Series, Mapping[Bucket, int]] = field(default_factory=dict)
    clusters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def parse(body: bytes, at: float) -> Snapshot:
    """`at`: seconds of a monotonic clock. Unknown stats are passed over."""
    requests: dict[Series, int] = {}
    durations: dict[Series, dict[Bucket, int]] = {}
    clusters: dict[str, dict[str, int]] = {}
    for stat in json.loads(body)["stats"]:
        if "histograms" in stat:
            durations.update(_histograms(stat["histograms"]))
        elif stat["name"].startswith("cluster."):
            _cluster(stat, clusters)
        else:
            series = _series(stat["name"])
            if series is not None:
                requests[series] = int(stat["value"])
    return Snapshot(at, requests, durations, clusters)


_STAT = re.compile(r"turnout\.(istio|turnout_mirrored)_request(?:s_total|_duration_us)\.series\.(.*)", re.DOTALL)


def _series(name: str) -> Series | None:
    match = _STAT.fullmatch(name)
    parts = match[2].split(";", 6) if match else []
    if match is None or len(parts) != 7:
        return None
    workload, namespace, code, flags, cluster, endpoint, route = parts
    return Series(
        workload,
        namespace,
        cluster,
        *_endpoint(endpoint),
        route=route,
        response_code=code,
        response_flags=flags,
        mirrored=match[1] == "turnout_mirrored",
    )


def _endpoint(labels: str) -> tuple[str, str, str, str]:
    """Workload, namespace, version and subset; all empty where nobody was there to answer."""
    parts = labels.split(",")
    return (parts[0], parts[1], parts[2], parts[3]) if len(parts) == 4 else ("", "", "", "")


def _histograms(stat: Mapping[str, Any]) -> Iterator[tuple[Series, dict[Bucket, int]]]:
    for detail in stat.get("details", ()):
        series = _series(detail["name"])
        if series is not None:
            yield series, {(b["lower_bound"], b["width"]): int(b["count"]) for b in detail.get("totals", ())}


def _cluster(stat: Mapping[str, Any], clusters: dict[str, dict[str, int]]) -> None:
    name, _, counter = stat["name"].removeprefix("cluster.").rpartition(".")
    if counter in CLUSTER_COUNTERS:
        clusters.setdefault(name, {})[counter] = int(stat["value"])


def quantile(buckets: Mapping[Bucket, int], share: float) -> float | None:
    """The value in microseconds below which `share` of the observations lie, interpolated within its bucket."""
    total = sum(buckets.values())
    if not total:
        return None
    wanted, seen = share * total, 0
    for (lower, width), count in sorted(buckets.items()):
        if seen + count >= wanted:
            return lower + width * (wanted - seen) / count
        seen += count
    return None
