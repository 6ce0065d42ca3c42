"""Istio's labels and values, which other tools ask for by name."""

from __future__ import annotations

import pytest

from turnout.telemetry import istio
from turnout.telemetry.series import Series, other

ANSWERED = Series(
    source_workload="customer-v1",
    source_workload_namespace="shop",
    source_canonical_service="customer",
    source_canonical_revision="v1",
    upstream_cluster="outbound|80|v2|reviews.default.svc.cluster.local",
    destination_workload="reviews-v2",
    destination_workload_namespace="default",
    destination_canonical_service="reviews",
    destination_canonical_revision="v2",
    destination_subset="v2",
    route="default/reviews/http[0]",
    response_code="200",
    response_flags="-",
)
GATEWAY = ("istio-ingressgateway", "istio-system", "istio-ingressgateway", "latest")


def test_a_call_has_all_of_istios_labels() -> None:
    assert {**istio.SOURCE, **istio.labels(ANSWERED)} == {
        "reporter": "source",
        "source_workload": "customer-v1",
        "source_workload_namespace": "shop",
        "source_principal": "unknown",
        "source_app": "customer",
        "source_version": "v1",
        "source_canonical_service": "customer",
        "source_canonical_revision": "v1",
        "source_cluster": "Kubernetes",
        "destination_workload": "reviews-v2",
        "destination_workload_namespace": "default",
        "destination_principal": "unknown",
        "destination_app": "reviews",
        "destination_version": "v2",
        "destination_canonical_service": "reviews",
        "destination_canonical_revision": "v2",
        "destination_cluster": "Kubernetes",
        "destination_service": "reviews.default.svc.cluster.local",
        "destination_service_name": "reviews",
        "destination_service_namespace": "default",
        "request_protocol": "http",
        "response_code": "200",
        "grpc_response_status": "",
        "response_flags": "-",
        "connection_security_policy": "unknown",
    }


def test_both_sides_tell_of_a_call_and_differ_in_what_they_know_of_its_security() -> None:
    sides = [(of["reporter"], of["connection_security_policy"]) for of in istio.reporters(ANSWERED)]
    assert sides == [("source", "unknown"), ("destination", "none")]


def test_a_call_that_nobody_was_there_to_answer_is_told_by_its_caller_and_keeps_its_service() -> None:
    """With a cluster: Kiali passes over a service's namespace without one."""
    failed = Series(*GATEWAY, upstream_cluster=ANSWERED.upstream_cluster, response_code="503", response_flags="UH")
    assert istio.reporters(failed) == (istio.SOURCE,)
    labels = istio.labels(failed)
    assert (labels["destination_service_name"], labels["destination_service_namespace"]) == ("reviews", "default")
    assert (labels["destination_workload"], labels["destination_workload_namespace"]) == ("unknown", "unknown")
    assert labels["destination_cluster"] == "Kubernetes"
    assert labels["response_flags"] == "UH"


def test_a_blocked_call_goes_to_the_black_hole() -> None:
    labels = istio.labels(Series("a", "default", upstream_cluster="-", route="block_all", response_code="502"))
    assert labels["destination_service_name"] == "BlackHoleCluster"
    names = ("service", "service_namespace", "workload", "cluster", "app", "version", "canonical_revision")
    assert {labels[f"destination_{name}"] for name in names} == {"unknown"}


def test_what_no_route_took_is_for_an_unknown_service() -> None:
    labels = istio.labels(Series(*GATEWAY, upstream_cluster="-", route="-", response_code="404", response_flags="NR"))
    assert (labels["destination_service"], labels["destination_service_name"]) == ("unknown", "unknown")


def test_who_has_no_version_has_the_latest_revision() -> None:
    labels = istio.labels(Series(*GATEWAY))
    assert (labels["source_version"], labels["source_canonical_revision"]) == ("unknown", "latest")
    assert labels["source_app"] == "istio-ingressgateway"


def test_of_a_copy_no_caller_is_named() -> None:
    copy = Series(
        upstream_cluster="copy|80|v2|reviews.default.svc.cluster.local",
        destination_workload="reviews-v2",
        mirrored=True,
    )
    labels = istio.destination(copy)
    assert labels["destination_service_name"] == "reviews"
    assert not [name for name in labels if name.startswith("source")]


def test_grpc_is_a_protocol_of_its_own_with_its_status() -> None:
    labels = istio.labels(Series(grpc_response_status="14", response_code="200"))
    assert (labels["request_protocol"], labels["grpc_response_status"]) == ("grpc", "14")


@pytest.mark.parametrize(
    ("host", "name", "namespace"),
    [("a.b.svc.cluster.local", "a", "b"), ("api.example.com", "api.example.com", "unknown")],
)
def test_a_service_outside_is_called_by_its_host(host: str, name: str, namespace: str) -> None:
    assert istio.service(host) == {
        "destination_service": host,
        "destination_service_name": name,
        "destination_service_namespace": namespace,
    }


def test_what_is_folded_together_is_told_once() -> None:
    assert istio.reporters(other(ANSWERED)) == (istio.SOURCE,)
