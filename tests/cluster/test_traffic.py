"""Istio's metrics as traffic: who is believed, what was a copy, and how long requests took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.cluster.spread import spread
from turnout.cluster.traffic import Places, ever, lately, over_time
from turnout.error import EvidenceFailed
from turnout.telemetry.histogram import quantile
from turnout.telemetry.series import Series
from turnout.telemetry.traffic import Traffic

HOST = "app.shop.svc.cluster.local"
SUBSETS = {(HOST, ("shop", f"app-{v}")): v for v in ("v1", "v2")}


def sample(reporter: str, version: str, count: float, *, source: str = "gateway", **more: str) -> dict[str, Any]:
    metric = {
        "reporter": reporter,
        "source_workload": source,
        "source_workload_namespace": "unknown" if source == "unknown" else "edge",
        "destination_workload": f"app-{version}",
        "destination_workload_namespace": "shop",
        "destination_service": HOST,
        "response_code": "200",
        "response_flags": "-",
        **more,
    }
    return {"metric": metric, "value": [0, str(count)]}


class Prometheus:
    """Answers each metric with what it holds, and remembers what it was asked."""

    def __init__(self, *requests: dict[str, Any], copies: tuple[Any, ...] = (), durations: tuple[Any, ...] = ()):
        self._held = {
            "istio_requests_total": requests,
            "turnout_mirrored_requests_total": copies,
            "istio_request_duration_milliseconds_bucket": durations,
        }
        self.asked: list[str] = []

    def __call__(self, promql: str, at: float | None) -> Mapping[str, Any]:
        self.asked.append(promql)
        (name,) = [name for name in self._held if name in promql]
        return {"resultType": "vector", "result": list(self._held[name])}


def found(prometheus: Prometheus, *mirrored: str) -> dict[tuple[str, bool], Traffic]:
    """By subset, and whether they are copies."""
    traffic = lately(prometheus, 60, Places(SUBSETS, [(HOST, subset) for subset in mirrored]))
    return {(series.subset, series.mirrored): each for series, each in traffic.items()}


def requests(prometheus: Prometheus, *mirrored: str) -> dict[tuple[str, bool], int]:
    return {key: each.requests for key, each in found(prometheus, *mirrored).items()}


def test_a_call_that_both_sides_report_is_one() -> None:
    assert requests(Prometheus(sample("source", "v1", 60), sample("destination", "v1", 58))) == {("v1", False): 60}


def test_a_caller_without_a_sidecar_is_told_of_where_he_arrives() -> None:
    asked = Prometheus(sample("destination", "v1", 30, source="unknown"), sample("source", "v2", 10))

    assert requests(asked) == {("v1", False): 30, ("v2", False): 10}


def test_what_arrives_beyond_what_was_sent_to_a_mirrors_version_was_copied() -> None:
    split = Prometheus(sample("source", "v2", 10), sample("destination", "v2", 50))
    dark = Prometheus(sample("source", "v1", 100), sample("destination", "v2", 100))

    assert requests(split, "v2") == {("v2", False): 10, ("v2", True): 40}
    assert requests(dark, "v2") == {("v1", False): 100, ("v2", True): 100}
    assert requests(split) == {("v2", False): 10}, "nobody mirrors there: the caller knows best"


def test_two_sides_that_were_scraped_at_different_moments_make_no_copies() -> None:
    assert requests(Prometheus(sample("source", "v2", 1000), sample("destination", "v2", 1010)), "v2") == {
        ("v2", False): 1000
    }


def test_turnouts_own_metrics_count_copies_apart() -> None:
    copy = sample("", "v2", 7, source="unknown")

    assert requests(Prometheus(sample("source", "v1", 9), copies=(copy,)), "v2") == {("v1", False): 9, ("v2", True): 7}


def test_failures_are_told_with_their_flags() -> None:
    asked = Prometheus(
        sample("source", "v1", 5, response_code="503", response_flags="UH", destination_workload="unknown")
    )
    ((series, traffic),) = lately(asked, 60, Places()).items()

    assert (series.destination_workload, series.response_flags, traffic.errors) == ("", "UH", 5)
    assert series.destination_service == HOST


def test_latencies_are_those_of_whoever_is_believed() -> None:
    durations = (
        sample("source", "v1", 50, le="10"),
        sample("source", "v1", 100, le="25"),
        sample("source", "v1", 100, le="+Inf"),
        sample("destination", "v1", 100, le="1"),
    )
    (traffic,) = found(Prometheus(sample("source", "v1", 100), durations=durations)).values()

    assert traffic.milliseconds(0.5) == pytest.approx(10, rel=0.1)
    assert 10 < (traffic.milliseconds(0.9) or 0) < 25


def test_a_namespace_and_a_window_are_prometheus_business_and_less_than_a_minute_is_not_asked_for() -> None:
    asked = Prometheus()
    lately(asked, 5, Places(), "shop")
    ever(asked, Places())

    assert 'istio_requests_total{destination_service_namespace="shop"}[60s]' in asked.asked[0]
    assert "increase" not in asked.asked[-1]


def test_what_is_no_prometheus_is_said() -> None:
    with pytest.raises(EvidenceFailed, match="unknown way"):
        ever(lambda promql, at: {"result": [{"metric": {}}]}, Places())


@given(st.lists(st.tuples(st.floats(0.5, 1e4), st.integers(0, 500)), min_size=1, max_size=8, unique_by=lambda b: b[0]))
def test_narrow_buckets_hold_as_many_as_the_wide_ones_and_within_their_bounds(steps: list[tuple[float, int]]) -> None:
    at_most, count = {}, 0
    for bound, more in sorted(steps):
        count += more
        at_most[bound] = float(count)
    buckets = spread(at_most)

    assert sum(buckets.values()) == count
    if count:
        last = max(bound for bound, more in steps if more)
        assert (quantile(buckets, 1.0) or 0) <= last * 1000 * 1.06


def test_series_of_prometheus_know_their_callers_also_of_copies() -> None:
    dark = Prometheus(sample("source", "v1", 100), sample("destination", "v2", 100))
    (copy,) = [series for series in lately(dark, 60, Places(SUBSETS, [(HOST, "v2")])) if series.mirrored]

    assert isinstance(copy, Series)
    assert (copy.source_workload, copy.upstream_cluster) == ("gateway", f"copy|0|v2|{HOST}")


def test_a_window_is_told_step_by_step_from_one_question() -> None:
    prometheus = Prometheus(sample("source", "v1", 0))
    (held,) = prometheus("istio_requests_total", None)["result"]
    matrix = {"metric": held["metric"], "values": [[60, "6"], [120, "12"]]}
    asked: list[str] = []

    def ask(promql: str, at: float | None) -> Mapping[str, Any]:
        asked.append(promql)
        return {"result": [matrix] if "istio_requests_total" in promql else []}

    found = list(over_time(ask, HOST, 120, 60, Places(SUBSETS)))

    assert [(at, [each.requests for each in traffic.values()]) for at, traffic in found] == [(0, [6]), (60, [12])]
    assert asked[0].endswith("[60s])) > 0)[120s:60s]")
