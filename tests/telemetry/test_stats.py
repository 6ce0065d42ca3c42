"""Envoy's stats become series."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.telemetry.series import Series, other
from turnout.telemetry.stats import Reader, Snapshot

LABELS = {
    "source_workload": "istio-ingressgateway",
    "source_workload_namespace": "istio-system",
    "source_canonical_service": "gateway",
    "source_canonical_revision": "latest",
    "upstream_cluster": "outbound|80|v1|a.default.svc.cluster.local",
    "destination_workload": "a-v1.x",
    "destination_workload_namespace": "default",
    "destination_canonical_service": "a",
    "destination_canonical_revision": "1.2.3",
    "destination_subset": "v1",
    "route": "default/a/http[0]",
    "response_code": "200",
    "response_flags": "URX,UF",
    "grpc_response_status": "",
}


def parse(body: bytes) -> Snapshot:
    return Reader().read(body, 1.0)


def name(stat: str, **other: str) -> str:
    """As Envoy writes it: see `compiler.access_log` and `compiler.endpoint`."""
    labels = LABELS | other
    kinds = ("workload", "workload_namespace", "canonical_service", "canonical_revision", "subset")
    endpoint = ",".join(labels[f"destination_{kind}"] for kind in kinds)
    answer = f"{labels['response_code']};{labels['response_flags']};{labels['grpc_response_status'] or '-'}"
    source = ";".join(labels[f"source_{kind}"] for kind in kinds[:-1])
    return f"turnout.{stat}.series.{source};{answer};{labels['upstream_cluster']};{endpoint};{labels['route']}"


def body(*stats: dict[str, Any]) -> bytes:
    return "".join(text(stat) for stat in stats).encode()


def text(stat: dict[str, Any]) -> str:
    """As Envoy writes a counter or a histogram."""
    if "totals" not in stat:
        return f"{stat['name']}: {stat['value']}\n"
    totals = ", ".join(f"{lower},{width}:{count}" for lower, width, count in stat["totals"])
    return f"{stat['name']}:\n  totals={totals}\n  intervals=\n  summary=P0(nan,1.5) P100(nan,9)\n"


def test_labels_are_taken_apart_although_their_values_contain_dots() -> None:
    snapshot = parse(body({"name": name("istio_requests_total"), "value": 7}))
    assert snapshot.requests == {Series(**LABELS): 7}  # type: ignore[arg-type] # mirrored keeps its default


def test_a_route_may_be_called_anything() -> None:
    route = "a;b,c.series.d|%;"
    (series,) = parse(body({"name": name("istio_requests_total", route=route), "value": 1})).requests
    assert series.route == route
    assert series.destination_canonical_revision == "1.2.3"


@pytest.mark.parametrize("endpoint", ["", "-"])
def test_without_an_endpoint_its_labels_are_empty(endpoint: str) -> None:
    stat = f"turnout.istio_requests_total.series.caller;default;caller;latest;503;NC;-;-;{endpoint};split"
    (series,) = parse(body({"name": stat, "value": 1})).requests
    assert (series.destination_workload, series.destination_subset, series.response_flags) == ("", "", "NC")


def test_copies_are_series_of_their_own() -> None:
    stat = name("turnout_mirrored_requests_total", source_workload="", source_workload_namespace="", route="")
    (series,) = parse(body({"name": stat, "value": 4})).requests
    assert series.mirrored
    assert series.destination_workload == "a-v1.x"


def test_service_and_subset_are_known_without_an_endpoint_too() -> None:
    """Nobody was there to answer: the cluster says who should have been."""
    series = Series(upstream_cluster="outbound|80|v1|a.default.svc.cluster.local", response_flags="UH")
    assert (series.destination_service, series.subset) == ("a.default.svc.cluster.local", "v1")


def test_an_endpoints_subset_is_known_when_the_request_named_none() -> None:
    series = Series(upstream_cluster="outbound|80||a.default.svc.cluster.local", destination_subset="v2")
    assert series.subset == "v2"


def test_callers_that_see_a_service_differently_have_clusters_of_their_own() -> None:
    series = Series(upstream_cluster="outbound|80|v1|a.default.svc.cluster.local|other", response_flags="UH")
    assert (series.destination_service, series.subset) == ("a.default.svc.cluster.local", "v1")


def test_a_request_that_no_route_took_has_no_service() -> None:
    series = Series(upstream_cluster="-", destination_subset="-")
    assert (series.destination_service, series.subset) == ("", "")


def test_histograms_belong_to_the_same_series_as_their_counter() -> None:
    snapshot = parse(body({"name": name("istio_request_duration_us"), "totals": [(100, 10, 3), (2000, 100, 1)]}))
    assert snapshot.durations == {Series(**LABELS): {(100, 10): 3, (2000, 100): 1}}  # type: ignore[arg-type] # mirrored keeps its default


def test_counters_of_clusters_are_kept_under_the_clusters_name() -> None:
    cluster = "outbound|80|v1|a.default.svc.cluster.local"
    snapshot = parse(body({"name": f"cluster.{cluster}.upstream_rq_retry", "value": 2}))
    assert snapshot.clusters == {cluster: {"upstream_rq_retry": 2}}


def test_unknown_stats_are_passed_over() -> None:
    snapshot = parse(body({"name": "turnout.something.else", "value": 1}, {"name": "cluster.x.other", "value": 1}))
    assert not snapshot.requests
    assert not snapshot.clusters


@pytest.mark.parametrize(
    ("code", "failed"), [("200", False), ("404", False), ("500", True), ("503", True), ("0", True)]
)
def test_what_counts_as_failed(code: str, failed: bool) -> None:
    assert Series(response_code=code).failed is failed


def test_grpc_is_told_by_its_status() -> None:
    (series,) = parse(body({"name": name("istio_requests_total", grpc_response_status="14"), "value": 1})).requests
    assert (series.request_protocol, series.grpc_response_status) == ("grpc", "14")
    assert Series().request_protocol == "http"


def test_sizes_are_histograms_of_their_own() -> None:
    snapshot = parse(body(*({"name": name(f"istio_{way}_bytes"), "totals": [(300, 10, 2)]} for way in WAYS)))
    assert list(snapshot.request_sizes.values()) == list(snapshot.response_sizes.values()) == [{(300, 10): 2}]


WAYS = ("request", "response")


def test_series_beyond_the_limit_are_counted_together_by_how_they_ended() -> None:
    reader = Reader(most=2)
    stats = [{"name": name("istio_requests_total", route=route), "value": 1} for route in "abcd"]
    details = [{"name": name("istio_request_duration_us", route=route), "totals": [(1, 1, 1)]} for route in "abcd"]
    failed = {"name": name("istio_requests_total", route="e", response_code="503"), "value": 5}
    snapshot = reader.read(body(*stats, failed, *details), 1.0)
    kept = [series for series in snapshot.requests if series.route in ("a", "b")]
    assert len(kept) == 2
    together = other(Series(response_code="200"))
    assert snapshot.requests[together] == 2
    assert snapshot.durations[together] == {(1, 1): 2}
    assert snapshot.requests[other(Series(response_code="503"))] == 5
    assert reader.folded == 3


def test_another_envoy_has_room_again() -> None:
    reader = Reader(most=1)
    first, second = (body({"name": name("istio_requests_total", route=route), "value": 1}) for route in "ab")
    reader.read(first, 1.0)
    reader.forget()
    (series,) = reader.read(second, 2.0).requests
    assert series.route == "b"


def test_of_a_histogram_the_buckets_that_grew_are_read_and_the_others_kept() -> None:
    reader, stat = Reader(), name("istio_request_duration_us")
    series = Series(**LABELS)  # type: ignore[arg-type] # mirrored keeps its default
    scrapes = [[(1, 1, 5), (20, 1, 1)], [(1, 1, 5), (20, 1, 3), (30, 1, 1)], [(1, 1, 2)], [], [(1, 1, 4)]]
    seen = [reader.read(body({"name": stat, "totals": totals}), 1.0).durations[series] for totals in scrapes]
    assert seen == [{(1, 1): 5, (20, 1): 1}, {(1, 1): 5, (20, 1): 3, (30, 1): 1}, {(1, 1): 2}, {}, {(1, 1): 4}]


def test_a_histogram_that_envoy_has_not_merged_yet_has_nothing() -> None:
    """After the first request of its kind; the counter is there already."""
    scrape = body({"name": name("istio_requests_total"), "value": 1})
    scrape += f"{name('istio_request_duration_us')}: No recorded values\n".encode()
    snapshot = parse(scrape)
    assert list(snapshot.requests.values()) == [1]
    assert not snapshot.durations


def test_a_large_bound_has_an_exponent() -> None:
    snapshot = parse(body({"name": name("istio_response_bytes"), "totals": [("1.2e+06", "100000", 1)]}))
    assert list(snapshot.response_sizes.values()) == [{(1_200_000, 100_000): 1}]
