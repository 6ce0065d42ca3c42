"""What Gateway API's objects are told of themselves."""

from __future__ import annotations

from typing import Any

from tests.compiler.world import world
from tests.mesh.gateway_routes import GATEWAY, SERVICES, http_route, together

from turnout.control.condition import stamped
from turnout.control.gateway_statuses import statuses
from turnout.resources.kinds import KUBERNETES_GATEWAY

GATEWAY_KEY = (KUBERNETES_GATEWAY.title, "default", "web")
ROUTE_KEY = ("HTTPRoute", "default", "route")


def told(*manifests: str) -> dict[tuple[str, str, str], Any]:
    mesh = world(("manifest.yaml", together(SERVICES, *manifests))).mesh
    return statuses(mesh, {GATEWAY_KEY: 3, ROUTE_KEY: 7})


def reasons(conditions: list[dict[str, Any]]) -> dict[str, tuple[str, str, int]]:
    return {each["type"]: (each["status"], each["reason"], each["observedGeneration"]) for each in conditions}


def test_each_parent_of_a_route_says_whether_it_took_it() -> None:
    route = http_route("- backendRefs: [{name: a, port: 80}]", parents="[{name: web}, {name: other}]")
    taken, refused = told(GATEWAY, route)[ROUTE_KEY]["parents"]

    assert taken["parentRef"] == {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web"}
    assert reasons(taken["conditions"]) == {
        "Accepted": ("True", "Accepted", 7),
        "ResolvedRefs": ("True", "ResolvedRefs", 7),
    }
    assert reasons(refused["conditions"])["Accepted"] == ("False", "NoMatchingParent", 7)


def test_a_backend_that_is_missing_is_told() -> None:
    status = told(GATEWAY, http_route("- backendRefs: [{name: nobody, port: 80}]"))

    [parent] = status[ROUTE_KEY]["parents"]
    assert reasons(parent["conditions"])["ResolvedRefs"] == ("False", "BackendNotFound", 7)


def test_a_gateway_counts_what_is_attached_to_each_listener() -> None:
    status = told(GATEWAY, http_route("- backendRefs: [{name: a, port: 80}]"))[GATEWAY_KEY]

    assert reasons(status["conditions"])["Programmed"] == ("True", "Programmed", 3)
    assert status["addresses"] == [{"type": "IPAddress", "value": "127.0.0.1"}]
    [listener] = status["listeners"]
    assert (listener["name"], listener["attachedRoutes"]) == ("http", 1)


def test_a_listener_without_its_certificate_says_so() -> None:
    tls = "{certificateRefs: [{name: nowhere}]}"
    status = told(GATEWAY.replace("protocol: HTTP", f"protocol: HTTPS, tls: {tls}"))[GATEWAY_KEY]

    [listener] = status["listeners"]
    assert reasons(listener["conditions"])["ResolvedRefs"][:2] == ("False", "InvalidCertificateRef")


def test_the_certificate_of_another_namespace_needs_its_leave() -> None:
    tls = "{certificateRefs: [{name: web, namespace: certs}]}"
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: web, namespace: certs}\n"
    status = told(GATEWAY.replace("protocol: HTTP", f"protocol: HTTPS, tls: {tls}"), secret)[GATEWAY_KEY]

    [listener] = status["listeners"]
    assert reasons(listener["conditions"])["ResolvedRefs"][:2] == ("False", "RefNotPermitted")


def test_a_condition_keeps_its_time_until_it_changes() -> None:
    first = stamped({"conditions": [{"type": "Accepted", "status": "True"}]}, None, "then")
    same = stamped({"conditions": [{"type": "Accepted", "status": "True", "message": "new"}]}, first, "now")
    other = stamped({"conditions": [{"type": "Accepted", "status": "False"}]}, first, "now")

    assert [each["conditions"][0]["lastTransitionTime"] for each in (first, same, other)] == ["then", "then", "now"]
