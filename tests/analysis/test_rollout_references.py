"""Rollouts that name what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.analysis.rollout_references import rollout_references
from turnout.mesh.mesh import Mesh, build
from turnout.resources.interpret import interpret
from turnout.resources.rollout import Rollout

JSON = dict[str, Any]
ISTIO = "networking.istio.io/v1"


def an_object(api_version: str, kind: str, name: str, namespace: str = "default", **spec: Any) -> JSON:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


MESH = build(
    interpret(obj).resource
    for obj in (
        an_object("v1", "Service", "reviews", selector={"app": "reviews"}, ports=[{"port": 80}]),
        an_object(
            ISTIO,
            "DestinationRule",
            "reviews",
            host="reviews",
            subsets=[{"name": name, "labels": {"version": name}} for name in ("v1", "v2")],
        ),
        an_object(
            ISTIO,
            "VirtualService",
            "reviews",
            hosts=["reviews"],
            http=[{"name": "main", "route": [{"destination": {"host": "reviews", "subset": "v1"}}]}],
        ),
    )
)


def found(namespace: str = "default", **spec: Any) -> list[str]:
    """What is wrong with a rollout that says this: place, message and hint."""
    return found_in(MESH, namespace, spec)


def found_in(mesh: Mesh, namespace: str, spec: JSON) -> list[str]:
    whole = {"service": "reviews", "from": "v1", "to": "v2", "steps": [{"weight": 5}], **spec}
    rollout = interpret(an_object("turnout.dev/v1alpha1", "Rollout", "r", namespace, **whole)).resource
    assert isinstance(rollout, Rollout)
    return [f"{p.code} {p.where}: {p.message}, {p.hint}" for p in rollout_references(mesh, rollout)]


@pytest.mark.parametrize("spec", [{}, {"route": "main"}, {"service": "reviews.default.svc.cluster.local"}], ids=str)
def test_what_is_there_is_no_problem(spec: JSON) -> None:
    assert found(**spec) == []


def test_an_unknown_service_is_named_once() -> None:
    assert found(service="review") == [
        "TNO306 Rollout default/r spec.service: there is no service review.default.svc.cluster.local,"
        " did you mean reviews?"
    ]


def test_a_service_is_looked_for_in_the_rollout_s_namespace() -> None:
    assert "no service reviews.shop.svc" in found("shop")[0]


def test_unknown_subsets_and_routes_are_named_with_those_that_there_are() -> None:
    assert found(**{"from": "blue", "route": "mian"}) == [
        "TNO306 Rollout default/r spec.from: reviews.default.svc.cluster.local has no subset blue, there are v1, v2",
        "TNO306 Rollout default/r spec.route: no HTTP route mian leads to reviews.default.svc.cluster.local,"
        " did you mean main?",
    ]


def test_a_service_that_gateway_api_routes_is_not_for_rollouts() -> None:
    gateway_api = "gateway.networking.k8s.io/v1"
    parent = {"group": "", "kind": "Service", "name": "reviews"}
    rules = [{"backendRefs": [{"name": "reviews", "port": 80}]}]
    objects = (
        an_object("v1", "Service", "reviews", selector={"app": "reviews"}, ports=[{"port": 80}]),
        an_object(ISTIO, "DestinationRule", "r", host="reviews", subsets=[{"name": "v1"}, {"name": "v2"}]),
        an_object(gateway_api, "HTTPRoute", "split", parentRefs=[parent], rules=rules),
    )
    [problem] = found_in(build(interpret(obj).resource for obj in objects), "default", {})

    assert "reviews.default.svc.cluster.local is routed by HTTPRoute default/split" in problem
