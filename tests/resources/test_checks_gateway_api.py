"""Gateway API's objects as its own schema has them: what is refused, and what is only warned of."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from turnout.problem import ObjectPath
from turnout.resources.interpret import interpret

BACKEND = "backendRefs: [{name: a, port: 80}]"


def found(kind: str, spec: str) -> set[tuple[str, str]]:
    """Code and path of every finding."""
    obj: dict[str, Any] = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "x", "namespace": "default"},
        "spec": yaml.safe_load(spec),
    }
    problems = interpret(obj).problems
    return {(p.code, p.where.path.removeprefix("spec.")) for p in problems if isinstance(p.where, ObjectPath)}


def rule(text: str) -> str:
    return f"rules: [{{{text}}}]"


def with_match(text: str) -> str:
    return rule(f"matches: [{{{text}}}], {BACKEND}")


def with_filter(text: str, more: str = BACKEND) -> str:
    return rule(f"filters: [{{{text}}}], {more}")


VALID = (
    "{}",
    rule(BACKEND),
    with_match("path: {type: Exact, value: /a%20b}"),
    with_match("path: {type: RegularExpression, value: '/a[0-9]+'}"),
    with_match("headers: [{name: x, value: y}], queryParams: [{name: q, value: v}], method: PATCH"),
    with_filter("type: RequestRedirect, requestRedirect: {statusCode: 308}", "backendRefs: []"),
    with_filter("type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}"),
    rule(f"timeouts: {{request: 10s, backendRequest: 500ms}}, retry: {{codes: [503], backoff: 1s}}, {BACKEND}"),
    "parentRefs: [{name: g, sectionName: a}, {name: g, sectionName: b}, {name: s, group: '', kind: Service}]",
    "hostnames: ['*.example.com', shop.test]",
)


@pytest.mark.parametrize("spec", VALID)
def test_a_route_as_gateway_api_has_it_has_no_findings(spec: str) -> None:
    assert found("HTTPRoute", spec) == set()


ROUTES = (
    ("hostnames: ['*']", "TNO103", "hostnames[0]"),
    ("hostnames: [1.2.3.4]", "TNO103", "hostnames[0]"),
    ("hostnames: ['shop.test:80']", "TNO103", "hostnames[0]"),
    ("hostnames: [Shop.test]", "TNO103", "hostnames[0]"),
    ("parentRefs: [{name: g}, {name: g, sectionName: a}]", "TNO105", "parentRefs[1]"),
    ("parentRefs: [{name: g, port: 70000}]", "TNO104", "parentRefs[0].port"),
    ("parentRefs: [{name: g, kind: ListenerSet}]", "TNO173", "parentRefs[0]"),
    ("parentRef: []", "TNO012", "parentRef"),
    ("rules: [" + ",".join(["{}"] * 17) + "]", "TNO172", "rules"),
    (f"rules: [{{name: x, {BACKEND}}}, {{name: x, {BACKEND}}}]", "TNO105", "rules[1].name"),
    (with_match("path: {value: x}"), "TNO115", "rules[0].matches[0].path.value"),
    (with_match("path: {value: /a//b}"), "TNO115", "rules[0].matches[0].path.value"),
    (with_match("path: {value: '/a b'}"), "TNO115", "rules[0].matches[0].path.value"),
    (with_match("path: {type: RegularExpression, value: '('}"), "TNO114", "rules[0].matches[0].path.value"),
    (with_match("path: {type: Prefix, value: /}"), "TNO015", "rules[0].matches[0].path.type"),
    (with_match("method: get"), "TNO015", "rules[0].matches[0].method"),
    (with_match("headers: [{name: 'a b', value: x}]"), "TNO116", "rules[0].matches[0].headers[0].name"),
    (with_match("headers: [{name: x, value: ''}]"), "TNO115", "rules[0].matches[0].headers[0].value"),
    (with_match("headers: [{name: x}]"), "TNO014", "rules[0].matches[0].headers[0]"),
    (with_filter("type: RequestMirror"), "TNO170", "rules[0].filters[0]"),
    (
        with_filter("type: CORS, cors: {}, urlRewrite: {hostname: x}"),
        "TNO170",
        "rules[0].filters[0].urlRewrite",
    ),
    (with_filter("type: RequestRedirect, requestRedirect: {}"), "TNO111", "rules[0].backendRefs"),
    (
        with_filter("type: RequestRedirect, requestRedirect: {statusCode: 304}", "backendRefs: []"),
        "TNO119",
        "rules[0].filters[0].requestRedirect.statusCode",
    ),
    (
        with_filter("type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replacePrefixMatch: /}}"),
        "TNO120",
        "rules[0].filters[0].urlRewrite.path",
    ),
    (
        with_filter(
            "type: RequestMirror,"
            " requestMirror: {backendRef: {name: b, port: 80}, fraction: {numerator: 2, denominator: 1}}"
        ),
        "TNO107",
        "rules[0].filters[0].requestMirror.fraction",
    ),
    (with_filter("type: ExtensionRef, extensionRef: {group: g, kind: k, name: n}"), "TNO173", "rules[0].filters[0]"),
    (
        rule("backendRefs: [{name: a, port: 80, filters: [{type: CORS, cors: {}}]}]"),
        "TNO173",
        "rules[0].backendRefs[0].filters[0]",
    ),
    (rule("backendRefs: [{name: a}]"), "TNO104", "rules[0].backendRefs[0]"),
    (rule("backendRefs: [{name: a.default.svc, port: 80}]"), "TNO113", "rules[0].backendRefs[0].name"),
    (rule("backendRefs: [{name: a, port: 80, weight: -1}]"), "TNO112", "rules[0].backendRefs[0].weight"),
    (rule("backendRefs: [{name: a, port: 80, weight: 1000001}]"), "TNO112", "rules[0].backendRefs[0].weight"),
    (rule("timeouts: {request: 1.5s}, " + BACKEND), "TNO017", "rules[0].timeouts.request"),
    (rule("timeouts: {request: 1s, backendRequest: 2s}, " + BACKEND), "TNO106", "rules[0].timeouts.backendRequest"),
    (rule("retry: {codes: [200]}, " + BACKEND), "TNO122", "rules[0].retry.codes[0]"),
    (rule("sessionPersistence: {sessionName: x}, " + BACKEND), "TNO173", "rules[0].sessionPersistence"),
)


@pytest.mark.parametrize(("spec", "code", "path"), ROUTES)
def test_what_is_wrong_with_an_http_route_is_found(spec: str, code: str, path: str) -> None:
    assert (code, path) in found("HTTPRoute", spec)


def test_a_prefix_is_replaced_in_a_rule_of_one_match_only() -> None:
    rewrite = "type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}"
    two = rule(f"matches: [{{path: {{value: /a}}}}, {{path: {{value: /b}}}}], filters: [{{{rewrite}}}], {BACKEND}")

    assert ("TNO120", "rules[0].filters") in found("HTTPRoute", two)


GRPC = (
    ("method: {}", "TNO115", "method"),
    ("method: {service: a/b}", "TNO115", "method.service"),
    ("method: {method: '1x'}", "TNO115", "method.method"),
    ("method: {type: RegularExpression, method: '('}", "TNO114", "method.method"),
)


@pytest.mark.parametrize(("match", "code", "path"), GRPC)
def test_what_is_wrong_with_a_grpc_route_is_found(match: str, code: str, path: str) -> None:
    assert (code, f"rules[0].matches[0].{path}") in found("GRPCRoute", with_match(match))


def listener(text: str) -> str:
    return f"gatewayClassName: istio\nlisteners: [{{name: x, port: 80, {text}}}]"


GATEWAYS = (
    ("listeners: [{name: x, port: 80, protocol: HTTP}]", "TNO014", "spec"),
    ("gatewayClassName: istio", "TNO155", "listeners"),
    (
        "gatewayClassName: istio-waypoint\nlisteners: [{name: x, port: 80, protocol: HTTP}]",
        "TNO173",
        "gatewayClassName",
    ),
    (listener("protocol: HTTPX"), "TNO156", "listeners[0].protocol"),
    (listener("protocol: UDP"), "TNO173", "listeners[0].protocol"),
    (listener("protocol: HTTP, hostname: '*'"), "TNO103", "listeners[0].hostname"),
    (listener("protocol: HTTPS"), "TNO157", "listeners[0]"),
    (listener("protocol: HTTPS, tls: {}"), "TNO158", "listeners[0].tls"),
    (listener("protocol: HTTPS, tls: {mode: Passthrough}"), "TNO157", "listeners[0].tls.mode"),
    (listener("protocol: HTTP, tls: {}"), "TNO157", "listeners[0].tls"),
    (
        listener("protocol: HTTP, allowedRoutes: {namespaces: {from: Selector}}"),
        "TNO171",
        "listeners[0].allowedRoutes.namespaces",
    ),
    (
        listener("protocol: HTTP}, {name: y, port: 80, protocol: HTTP"),
        "TNO105",
        "listeners[1]",
    ),
)


@pytest.mark.parametrize(("spec", "code", "path"), GATEWAYS)
def test_what_is_wrong_with_a_gateway_is_found(spec: str, code: str, path: str) -> None:
    assert (code, path) in found("Gateway", spec)


def test_a_problem_names_the_group_of_the_second_kind_of_gateway() -> None:
    head = "apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: x}"
    [problem] = interpret(yaml.safe_load(f"{{{head}, spec: {{gatewayClassName: istio}}}}")).problems

    assert isinstance(problem.where, ObjectPath)
    assert problem.where.kind == "Gateway.gateway.networking.k8s.io"


def test_a_class_names_its_controller() -> None:
    assert found("GatewayClass", "controllerName: istio.io/gateway-controller") == set()
    assert ("TNO101", "controllerName") in found("GatewayClass", "controllerName: istio")


def test_what_a_split_sticks_to_has_to_be_something() -> None:
    metadata = {"name": "x", "annotations": {"turnout.dev/sticky": "nonsense"}}
    obj = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": {}}

    assert [problem.code for problem in interpret(obj).problems] == ["TNO015"]


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("[{backendRefs: [{name: a, port: 80}]}]", []),
        ("[]", ["TNO110 spec.rules"]),
        ("[{name: x}]", ["TNO110 spec.rules[0]"]),
        ("[{backendRefs: [{name: a}]}]", ["TNO104 spec.rules[0].backendRefs[0]"]),
        ("[{backendRefs: [{name: a, port: 80, weight: -1}]}]", ["TNO112 spec.rules[0].backendRefs[0].weight"]),
        (
            "[{backendRefs: [{name: a, port: 80}]}, {backendRefs: [{name: b, port: 80}]}]",
            ["TNO173 spec.rules[1]"],
        ),
    ],
)
@pytest.mark.parametrize(("kind", "version"), [("TCPRoute", "v1alpha2"), ("TLSRoute", "v1alpha3")])
def test_what_is_wrong_with_a_route_of_connections_is_found(
    rules: str, found: list[str], kind: str, version: str
) -> None:
    spec = yaml.safe_load(f"{{parentRefs: [{{name: gw}}], rules: {rules}}}")
    metadata = {"name": "a", "namespace": "default"}
    api_version = f"gateway.networking.k8s.io/{version}"
    problems = interpret({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}).problems
    assert [f"{each.code} {str(each.where).rpartition(' ')[2]}" for each in problems] == found
