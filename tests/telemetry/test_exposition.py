"""What Prometheus reads: parsed by its own client library, in both formats."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from turnout.telemetry.exposition import OPENMETRICS, TEXT, Scrape, content_type, pieces
from turnout.telemetry.series import Series
from turnout.telemetry.stats import Snapshot

OK = Series(
    source_workload="istio-ingressgateway",
    source_workload_namespace="istio-system",
    source_canonical_service="istio-ingressgateway",
    source_canonical_revision="latest",
    upstream_cluster="outbound|80|v1|a.default.svc.cluster.local",
    destination_workload="a-v1",
    destination_workload_namespace="default",
    destination_canonical_service="a",
    destination_canonical_revision="v1",
    destination_subset="v1",
    route="default/a/http[0]",
    response_code="200",
    response_flags="-",
)
BAD = replace(OK, response_code="503")
NOBODY = Series(upstream_cluster="outbound|80|v2|a.default.svc.cluster.local", response_code="503", response_flags="UH")
COPY = Series(
    upstream_cluster="copy|80|v2|a.default.svc.cluster.local",
    destination_workload="a-v2",
    response_code="200",
    mirrored=True,
)


def written(scrape: Scrape, kind: str = TEXT) -> str:
    return b"".join(pieces(scrape, kind)).decode()


def families(scrape: Scrape, kind: str = TEXT) -> dict[str, Metric]:
    parse = parse_openmetrics if kind == OPENMETRICS else parse_text
    return {family.name: family for family in parse(written(scrape, kind))}


def values(family: Metric, **labels: str) -> dict[str, float]:
    """Of the samples with these labels, by name and bound."""
    return {
        f"{sample.name.removeprefix(family.name)}{sample.labels.get('le', '')}": sample.value
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    }


def counted(**sums: Any) -> Scrape:
    return Scrape(Snapshot(1.0, **sums))


BOTH = pytest.mark.parametrize("kind", [TEXT, OPENMETRICS])


@BOTH
def test_requests_are_counted_for_both_reporters(kind: str) -> None:
    family = families(counted(requests={OK: 7, BAD: 2, NOBODY: 1}), kind)["istio_requests"]
    assert family.type == "counter"
    for reporter in ("source", "destination"):
        assert values(family, reporter=reporter, response_code="200") == {"_total": 7}
        assert values(family, reporter=reporter, destination_workload="a-v1", response_code="503") == {"_total": 2}
    unknown = {"destination_workload": "unknown"}
    assert values(family, reporter="source", **unknown) == {"_total": 1}
    assert values(family, reporter="destination", **unknown) == {}


@BOTH
def test_a_latency_falls_into_istios_buckets(kind: str) -> None:
    """Microseconds are counted, milliseconds shown; each of Envoy's buckets stands for its middle."""
    durations = {OK: {(400.0, 10.0): 3, (2_000.0, 100.0): 2, (50_000_000_000.0, 1e9): 1}}
    family = families(counted(requests={OK: 6}, durations=durations), kind)["istio_request_duration_milliseconds"]
    found = values(family, reporter="destination")
    bounds = [float(name.removeprefix("_bucket")) for name in found if name.startswith("_bucket")]
    assert bounds == [
        *(0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000),
        *(3600000, float("inf")),
    ]
    assert [found[f"_bucket{bound}"] for bound in ("0.5", "1.0", "5.0", "3600000.0", "+Inf")] == [3, 3, 5, 5, 6]
    assert found["_count"] == 6
    assert found["_sum"] == pytest.approx((3 * 405 + 2 * 2050 + 50.5e9) / 1000)


@BOTH
def test_sizes_are_counted_in_bytes(kind: str) -> None:
    sums = {"request_sizes": {OK: {(300.0, 10.0): 4}}, "response_sizes": {OK: {(4_000.0, 100.0): 4}}}
    found = families(counted(requests={OK: 4}, **sums), kind)
    asked, answered = (values(found[f"istio_{way}_bytes"], reporter="source") for way in ("request", "response"))
    assert (asked["_bucket250.0"], asked["_bucket500.0"], asked["_sum"]) == (0, 4, 4 * 305)
    assert (answered["_bucket2500.0"], answered["_bucket5000.0"], answered["_count"]) == (0, 4, 4)


@BOTH
def test_copies_are_metrics_of_their_own(kind: str) -> None:
    found = families(counted(requests={OK: 5, COPY: 4}, durations={COPY: {(400.0, 10.0): 4}}), kind)
    assert sum(sample.value for sample in found["istio_requests"].samples) == 2 * 5
    (copies,) = found["turnout_mirrored_requests"].samples
    assert (copies.value, copies.labels["destination_workload"]) == (4, "a-v2")
    assert "reporter" not in copies.labels
    assert values(found["turnout_mirrored_request_duration_milliseconds"])["_count"] == 4


@BOTH
def test_series_that_istio_does_not_tell_apart_are_one(kind: str) -> None:
    """Prometheus takes only the first of two that have the same labels."""
    elsewhere = replace(OK, route="another")
    durations: Mapping[Series, Any] = {OK: {(400.0, 10.0): 3}, elsewhere: {(400.0, 10.0): 1, (900.0, 10.0): 1}}
    found = families(counted(requests={OK: 3, elsewhere: 2}, durations=durations), kind)
    assert [sample.value for sample in found["istio_requests"].samples] == [5, 5]
    latency = values(found["istio_request_duration_milliseconds"], reporter="source")
    assert (latency["_bucket0.5"], latency["_bucket1.0"], latency["_count"]) == (4, 5, 5)


@BOTH
def test_no_label_can_break_a_line(kind: str) -> None:
    odd = 'a "quoted"\n\\ line'
    found = families(counted(requests={replace(OK, destination_workload=odd): 1}), kind)
    assert {sample.labels["destination_workload"] for sample in found["istio_requests"].samples} == {odd}


@BOTH
def test_builds_and_folded_series_are_gauges(kind: str) -> None:
    found = families(Scrape(builds={"pilot": "0.3", "proxy": "1.40.0"}, folded=12), kind)
    builds = {(s.labels["component"], s.labels["tag"]): s.value for s in found["istio_build"].samples}
    assert builds == {("pilot", "0.3"): 1, ("proxy", "1.40.0"): 1}
    assert [sample.value for sample in found["turnout_series_folded"].samples] == [12]


@BOTH
def test_retries_and_copies_without_room_are_counted_by_service_and_subset(kind: str) -> None:
    """Callers that see a service differently have clusters of their own."""
    host = "a.default.svc.cluster.local"
    clusters = {
        f"outbound|80|v1|{host}": {"upstream_rq_retry": 2},
        f"outbound|80|v1|{host}|other": {"upstream_rq_retry": 1},
        f"mirror|80|v2|{host}": {"upstream_rq_pending_overflow": 3, "upstream_rq_active_overflow": 1},
    }
    found = families(counted(clusters=clusters), kind)
    of_v1 = {"destination_service_name": "a", "destination_subset": "v1"}
    assert values(found["turnout_upstream_retries"], **of_v1) == {"_total": 3}
    assert values(found["turnout_mirrored_overflow"], destination_subset="v2") == {"_total": 4}


@BOTH
def test_nothing_counted_is_a_valid_answer_too(kind: str) -> None:
    assert families(Scrape(), kind)["istio_requests"].samples == []


def test_openmetrics_is_for_those_who_ask_for_it() -> None:
    prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
    assert content_type(prometheus) == OPENMETRICS
    assert [content_type(accept) for accept in ("", "*/*", "text/plain;version=0.0.4")] == [TEXT] * 3


def test_200_series_are_written_in_a_fraction_of_a_second_and_in_small_pieces() -> None:
    buckets = {(k * 1000.0, 100.0): k for k in range(1, 40)}
    series = [replace(OK, destination_workload=f"workload-{number}") for number in range(200)]
    histograms = dict.fromkeys(series, buckets)
    scrape = Scrape(Snapshot(1.0, dict.fromkeys(series, 9), histograms, histograms, histograms))
    begun = time.perf_counter()
    sizes = [len(piece) for piece in pieces(scrape, TEXT)]
    took = time.perf_counter() - begun
    print(f"200 series: {took * 1000:.0f} ms, {sum(sizes) / 1e6:.0f} MB")  # noqa: T201 - a figure
    assert took < 0.3, "ten times what it takes on an idle machine"
    assert max(sizes) < 1_000_000
