"""Which routes of Gateway API are attached where, and the order in which their rules are tried."""

from __future__ import annotations

from tests.compiler.world import World, world
from tests.mesh.gateway_routes import (
    GATEWAY,
    ISTIO_GATEWAY,
    SERVICES,
    grpc_route,
    http_route,
    together,
    virtual_service,
)

from turnout.mesh.proxy import Egress, Ingress
from turnout.mesh.routing import table
from turnout.mesh.rule import Rule

TO_A = "backendRefs: [{name: a, port: 80}]"
TO_B = "backendRefs: [{name: b, port: 80}]"
AT_SERVICE = "[{group: '', kind: Service, name: a}]"
LATER = "2026-01-02T00:00:00Z"


def mesh_of(*manifests: str) -> World:
    return world(("manifest.yaml", together(SERVICES, *manifests)))


def at_gateway(*manifests: str, port: int = 80) -> dict[str, list[Rule]]:
    """By host."""
    found = table(mesh_of(*manifests).mesh, Ingress(port, port), "")
    return {host.domains[0]: list(host.rules) for host in found.hosts}


def inside(*manifests: str, namespace: str = "default", host: str = "a.default.svc.cluster.local:80") -> list[Rule]:
    found = table(mesh_of(*manifests).mesh, Egress(namespace, "app", 1), "")
    return next(list(each.rules) for each in found.hosts if each.name == host)


def names(rules: list[Rule]) -> list[str]:
    return [rule.name for rule in rules]


def clusters(rule: Rule) -> list[str]:
    assert rule.http is not None
    return [choice.destination.host for choice in rule.http.route if choice.destination]


def matching(match: str, name: str) -> str:
    return f"- {{name: {name}, matches: [{match}], {TO_A}}}\n"


def gateway(listeners: str, name: str = "web", namespace: str = "default") -> str:
    head = (
        f"apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: {name}, namespace: {namespace}}}"
    )
    return f"{head}\nspec: {{gatewayClassName: istio, listeners: [{listeners}]}}\n"


def in_namespace(manifest: str, namespace: str) -> str:
    return manifest.replace("metadata: {", f"metadata: {{namespace: {namespace}, ")


# --- the order of rules


def test_rules_are_tried_by_how_much_they_ask_for() -> None:
    rules = (
        matching("{}", "all")
        + matching("{path: {type: RegularExpression, value: '/a.*'}}", "expression")
        + matching("{path: {value: /a}}", "prefix")
        + matching("{path: {value: /a}, queryParams: [{name: q, value: v}]}", "query")
        + matching("{path: {value: /a}, headers: [{name: h, value: v}]}", "header")
        + matching("{path: {value: /a}, method: GET}", "method")
        + matching("{path: {value: /a/b}}", "longer")
        + matching("{path: {type: Exact, value: /a}}", "exact")
    )
    hosts = at_gateway(GATEWAY, http_route(rules))

    assert names(hosts["*"]) == ["exact", "longer", "method", "header", "query", "prefix", "expression", "all"]


def test_of_equal_rules_the_older_routes_count_first_then_by_name() -> None:
    old = http_route(f"- {{name: old, {TO_A}}}", "z")
    young = http_route(f"- {{name: young, {TO_A}}}", "b").replace(
        "{name: b}", f"{{name: b, creationTimestamp: {LATER}}}"
    )
    same = http_route(f"- {{name: same, {TO_A}}}", "s")

    assert names(at_gateway(GATEWAY, young, old, same)["*"]) == ["same", "old", "young"]


def test_each_match_of_a_rule_is_tried_where_it_belongs() -> None:
    rules = f"- {{name: two, matches: [{{path: {{value: /x}}}}, {{path: {{value: /x/y/z}}}}], {TO_A}}}\n"
    rules += matching("{path: {value: /x/y}}", "between")

    assert names(at_gateway(GATEWAY, http_route(rules))["*"]) == ["two", "between", "two"]


def test_rules_without_a_name_are_called_as_istio_calls_them() -> None:
    assert names(at_gateway(GATEWAY, http_route(f"- {TO_A}"))["*"]) == ["default.route.0"]


def test_what_follows_a_virtual_service_for_the_same_host_is_tried_after_it() -> None:
    istio = virtual_service("- {name: istio, match: [{uri: {prefix: /x}}], route: [{destination: {host: a}}]}")
    hosts = at_gateway(GATEWAY, ISTIO_GATEWAY, istio, http_route(f"- {{name: route, {TO_A}}}"))

    assert names(hosts["*"]) == ["istio", "route"]


# --- hosts and listeners


def test_a_route_answers_for_hosts_that_its_listener_names_too() -> None:
    listener = "{name: http, port: 80, protocol: HTTP, hostname: '*.test'}"
    route = http_route(f"- {TO_A}", hostnames="[a.test, b.org]")

    assert list(at_gateway(gateway(listener), route)) == ["a.test"]


def test_a_host_belongs_to_the_listener_that_names_it_most_exactly() -> None:
    listeners = "{name: all, port: 80, protocol: HTTP}, {name: one, port: 80, protocol: HTTP, hostname: a.test}"
    route = http_route(f"- {TO_A}", parents="[{name: web, sectionName: all}]", hostnames="[a.test, b.test]")

    assert list(at_gateway(gateway(listeners), route)) == ["b.test"]


def test_a_parent_is_a_listener_by_its_name_or_its_port() -> None:
    listeners = "{name: one, port: 80, protocol: HTTP}, {name: two, port: 81, protocol: HTTP}"
    by_name = http_route(f"- {TO_A}", "r1", parents="[{name: web, sectionName: one}]", hostnames="[x.test]")
    by_port = http_route(f"- {TO_A}", "r2", parents="[{name: web, port: 81}]", hostnames="[y.test]")

    assert list(at_gateway(gateway(listeners), by_name, by_port)) == ["x.test"]
    assert list(at_gateway(gateway(listeners), by_name, by_port, port=81)) == ["y.test"]


def test_a_listener_takes_routes_of_its_own_namespace_unless_it_says_otherwise() -> None:
    route = in_namespace(http_route(f"- {TO_A}", parents="[{name: web, namespace: default}]"), "shop")
    everywhere = "{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}"
    labels = "{matchLabels: {kubernetes.io/metadata.name: shop}}"
    chosen = everywhere.replace("from: All", f"from: Selector, selector: {labels}")

    assert at_gateway(GATEWAY, route) == {}
    assert list(at_gateway(gateway(everywhere), route)) == ["*"]
    assert list(at_gateway(gateway(chosen), route)) == ["*"]
    [problem] = [p for p in mesh_of(GATEWAY, route).problems if p.code == "TNO330"]
    assert "takes no routes of namespace shop" in problem.message


def test_a_listener_may_take_routes_of_one_kind_only() -> None:
    grpc_only = "{name: http, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}"
    grpc = grpc_route(f"- {{matches: [{{method: {{service: s, method: m}}}}], {TO_A}}}", "grpc")

    hosts = at_gateway(gateway(grpc_only), http_route(f"- {TO_A}"), grpc)

    assert [rule.gateway_api for rule in hosts["*"]] == ["GRPCRoute"]


def test_routes_of_two_kinds_may_have_one_name() -> None:
    grpc = grpc_route(f"- {{matches: [{{method: {{service: s, method: m}}}}], {TO_B}}}")

    hosts = at_gateway(GATEWAY, http_route(f"- {TO_A}"), grpc)

    assert [rule.gateway_api for rule in hosts["*"]] == ["GRPCRoute", "HTTPRoute"]


# --- backends


def test_another_namespace_has_to_let_its_services_be_named() -> None:
    route = http_route("- backendRefs: [{name: c, namespace: shop, port: 80}]")
    service = in_namespace(SERVICES.partition("---")[0].replace("{name: a}", "{name: c}"), "shop")
    grant = """
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g, namespace: shop}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}]
  to: [{group: '', kind: Service}]
"""
    [refused] = at_gateway(GATEWAY, service, route)["*"]
    [allowed] = at_gateway(GATEWAY, service, route, grant)["*"]

    assert clusters(refused) == ["c.shop.not-permitted"]
    assert clusters(allowed) == ["c.shop.svc.cluster.local"]
    [problem] = [p for p in mesh_of(GATEWAY, service, route).problems if p.code == "TNO331"]
    assert problem.hint == "a ReferenceGrant in namespace shop allows it"


def test_a_rule_whose_weights_are_all_zero_fails() -> None:
    [rule] = at_gateway(GATEWAY, http_route("- backendRefs: [{name: a, port: 80, weight: 0}]"))["*"]

    assert rule.http is not None
    assert rule.http.direct_response is not None
    assert rule.http.direct_response.status == 500


# --- inside the mesh


def test_a_route_of_a_service_comes_before_virtual_services() -> None:
    istio = virtual_service("- {name: istio, route: [{destination: {host: b}}]}", host="a", gateway="mesh")
    route = http_route(f"- {{name: route, {TO_B}}}", parents=AT_SERVICE)

    assert names(inside(istio, route)) == ["route"]


def test_the_route_of_a_callers_namespace_replaces_that_of_the_service() -> None:
    producer = http_route(f"- {{name: producer, {TO_A}}}", parents=AT_SERVICE)
    to_b = "backendRefs: [{name: b, namespace: default, port: 80}]"
    consumer = http_route(f"- {{name: consumer, {to_b}}}", parents=AT_SERVICE.replace("}]", ", namespace: default}]"))

    assert names(inside(producer, in_namespace(consumer, "shop"), namespace="shop")) == ["consumer"]
    assert names(inside(producer, in_namespace(consumer, "shop"), namespace="other")) == ["producer"]


def test_a_route_may_be_for_one_port_of_a_service() -> None:
    two = SERVICES.replace("{name: http, port: 80}", "{name: http, port: 80}, {name: http-b, port: 81}", 1)
    route = http_route(f"- {{name: route, {TO_B}}}", parents=AT_SERVICE.replace("}]", ", port: 81}]"))

    assert names(inside(two, route)) == ["default"]
    assert names(inside(two, route, host="a.default.svc.cluster.local:81")) == ["route"]
