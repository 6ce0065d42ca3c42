"""A VirtualService and the HTTPRoute that says the same become the same Envoy routes, but for what the specs demand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from envoy.config.route.v3.route_components_pb2 import Route, RouteAction
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from tests.compiler.world import world
from tests.mesh.gateway_routes import GATEWAY, ISTIO_GATEWAY, SERVICES, http_route, together, virtual_service

from turnout.compiler.config import ROUTES

TO_A = "route: [{destination: {host: a, port: {number: 80}}}]"
BACKEND_A = "backendRefs: [{name: a, port: 80}]"


@dataclass(frozen=True)
class Pair:
    """`http` of a VirtualService, and `rules` of an HTTPRoute."""

    http: str
    rules: str


PAIRS = {
    "everything": Pair(f"- {{{TO_A}}}", f"- {BACKEND_A}"),
    "an exact path": Pair(
        f"- {{match: [{{uri: {{exact: /x}}}}], {TO_A}}}",
        f"- {{matches: [{{path: {{type: Exact, value: /x}}}}], {BACKEND_A}}}",
    ),
    "a prefix": Pair(
        f"- {{match: [{{uri: {{prefix: /x}}}}], {TO_A}}}", f"- {{matches: [{{path: {{value: /x/}}}}], {BACKEND_A}}}"
    ),
    "an expression": Pair(
        f"- {{match: [{{uri: {{regex: '/x.*'}}}}], {TO_A}}}",
        f"- {{matches: [{{path: {{type: RegularExpression, value: '/x.*'}}}}], {BACKEND_A}}}",
    ),
    "headers, parameters and a method": Pair(
        f"""
        - match:
          - uri: {{prefix: /}}
            method: {{exact: POST}}
            headers: {{x-a: {{exact: "1"}}, x-b: {{regex: "2+"}}}}
            queryParams: {{q: {{exact: v}}}}
          {TO_A}
        """,
        f"""
        - matches:
          - method: POST
            headers: [{{name: X-A, value: "1"}}, {{name: x-b, value: "2+", type: RegularExpression}}]
            queryParams: [{{name: q, value: v}}]
          {BACKEND_A}
        """,
    ),
    "weights": Pair(
        "- route: [{destination: {host: a}, weight: 90}, {destination: {host: b}, weight: 10}]",
        "- backendRefs: [{name: a, port: 80, weight: 90}, {name: b, port: 80, weight: 10}]",
    ),
    "a weight of zero": Pair(
        "- route: [{destination: {host: a}, weight: 1}]",
        "- backendRefs: [{name: a, port: 80}, {name: b, port: 80, weight: 0}]",
    ),
    "headers that are changed": Pair(
        f"""
        - headers:
            request: {{set: {{x-s: s}}, add: {{x-a: a}}, remove: [x-r]}}
            response: {{set: {{x-o: o}}}}
          {TO_A}
        """,
        f"""
        - filters:
          - type: RequestHeaderModifier
            requestHeaderModifier: {{set: [{{name: X-S, value: s}}], add: [{{name: x-a, value: a}}], remove: [x-r]}}
          - {{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: x-o, value: o}}]}}}}
          {BACKEND_A}
        """,
    ),
    "headers of one destination": Pair(
        """
        - route:
          - {destination: {host: a}, weight: 1, headers: {request: {set: {x-v: a}}}}
          - {destination: {host: b}, weight: 1}
        """,
        """
        - backendRefs:
          - name: a
            port: 80
            filters:
            - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-v, value: a}]}}
          - {name: b, port: 80}
        """,
    ),
    "a mirror": Pair(
        f"- {{{TO_A}, mirror: {{host: b, port: {{number: 80}}}}, mirrorPercentage: {{value: 25}}}}",
        f"""
        - filters:
          - type: RequestMirror
            requestMirror: {{backendRef: {{name: b, port: 80}}, fraction: {{numerator: 1, denominator: 4}}}}
          {BACKEND_A}
        """,
    ),
    "a redirect": Pair(
        "- redirect: {scheme: https, authority: new.test, uri: /x, redirectCode: 302}",
        """
        - filters:
          - type: RequestRedirect
            requestRedirect: {scheme: https, hostname: new.test, path: {type: ReplaceFullPath, replaceFullPath: /x}}
        """,
    ),
    "a redirect of a prefix": Pair(
        """
        - match: [{uri: {prefix: /old}}]
          redirect: {prefixRewrite: /new, redirectCode: 301, derivePort: FROM_REQUEST_PORT}
        """,
        """
        - matches: [{path: {value: /old}}]
          filters:
          - type: RequestRedirect
            requestRedirect: {statusCode: 301, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}
        """,
    ),
    "a rewrite of a prefix and of the host": Pair(
        f"- {{match: [{{uri: {{prefix: /old}}}}], rewrite: {{uri: /new, authority: new.test}}, {TO_A}}}",
        f"""
        - matches: [{{path: {{value: /old}}}}]
          filters:
          - type: URLRewrite
            urlRewrite: {{hostname: new.test, path: {{type: ReplacePrefixMatch, replacePrefixMatch: /new/}}}}
          {BACKEND_A}
        """,
    ),
    "a rewrite of the whole path": Pair(
        f"- {{rewrite: {{uriRegexRewrite: {{match: '/.*', rewrite: /new}}}}, {TO_A}}}",
        f"""
        - filters: [{{type: URLRewrite, urlRewrite: {{path: {{type: ReplaceFullPath, replaceFullPath: /new}}}}}}]
          {BACKEND_A}
        """,
    ),
    "a timeout": Pair(f"- {{timeout: 2s, {TO_A}}}", f"- {{timeouts: {{request: 2s}}, {BACKEND_A}}}"),
    "retries": Pair(
        f"""
        - retries:
            attempts: 3
            perTryTimeout: 1s
            backoff: 50ms
            retryOn: connect-failure,refused-stream,unavailable,cancelled,503
          timeout: 10s
          {TO_A}
        """,
        f"""
        - retry: {{attempts: 3, codes: [503], backoff: 50ms}}
          timeouts: {{request: 10s, backendRequest: 1s}}
          {BACKEND_A}
        """,
    ),
    "no retries": Pair(f"- {{retries: {{attempts: 0}}, {TO_A}}}", f"- {{retry: {{attempts: 0}}, {BACKEND_A}}}"),
    "cross-origin requests": Pair(
        f"- {{corsPolicy: {{allowOrigins: [{{exact: 'https://a.test'}}], allowMethods: [GET], maxAge: 5s}}, {TO_A}}}",
        f"""
        - filters: [{{type: CORS, cors: {{allowOrigins: ['https://a.test'], allowMethods: [GET]}}}}]
          {BACKEND_A}
        """,
    ),
    "an answer without a backend": Pair("- directResponse: {status: 500}", "- backendRefs: []"),
    "several matches": Pair(
        f"- {{match: [{{uri: {{exact: /x}}}}, {{uri: {{prefix: /y}}}}], {TO_A}}}",
        f"- {{matches: [{{path: {{type: Exact, value: /x}}}}, {{path: {{value: /y}}}}], {BACKEND_A}}}",
    ),
}


def routes(manifest: str) -> list[Route]:
    table = world(("manifest.yaml", manifest)).config.resources[ROUTES]["gateway|80"].message
    assert isinstance(table, RouteConfiguration)
    return [_comparable(route) for host in table.virtual_hosts for route in host.routes]


def _comparable(route: Route) -> Route:
    """Without what has to differ: the name, how a prefix ends, and what a missing destination is answered with."""
    plain = Route()
    plain.CopyFrom(route)
    plain.name = ""
    if plain.match.path_separated_prefix:
        plain.match.prefix = plain.match.path_separated_prefix
    if plain.HasField("route"):
        plain.route.cluster_not_found_response_code = RouteAction.SERVICE_UNAVAILABLE
    return plain


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_a_virtual_service_and_an_http_route_that_say_the_same_become_the_same(pair: Pair) -> None:
    istio = routes(together(SERVICES, ISTIO_GATEWAY, virtual_service(pair.http)))
    kubernetes = routes(together(SERVICES, GATEWAY, http_route(pair.rules)))

    assert istio
    assert kubernetes == istio
