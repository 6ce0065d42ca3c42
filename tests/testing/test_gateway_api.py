"""Gateway API on a real Envoy: what the compiled routes only promise."""

from __future__ import annotations

import pytest
import trustme
from tests.e2e.certificates import pair, secret
from tests.mesh.gateway_routes import GATEWAY, SERVICES, grpc_route, http_route, together

from turnout.testing import Mesh

pytestmark = pytest.mark.e2e

MANIFESTS = together(SERVICES, GATEWAY)
ROUTES = """
- matches: [{path: {value: /pre}}]
  filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
  backendRefs: [{name: a, port: 80}]
- matches: [{path: {value: /moved}}]
  filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
- matches: [{path: {value: /onto}}]
  filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}]
  backendRefs: [{name: a, port: 80}]
- matches: [{path: {type: Exact, value: /exact}}]
  backendRefs: [{name: b, port: 80}]
- matches: [{path: {value: /exact}}]
  backendRefs: [{name: a, port: 80}]
- matches: [{path: {value: /gone}}]
  backendRefs: [{name: nobody, port: 80}]
- matches: [{path: {value: /half}}]
  backendRefs: [{name: a, port: 80}, {name: nobody, port: 80}]
- matches: [{path: {value: /none}}]
"""
URL = "http://shop.test"


def test_paths_are_matched_and_rewritten_by_segments(mesh: Mesh) -> None:
    mesh.apply(MANIFESTS, http_route(ROUTES))

    for path, arrives in (("/pre", "/"), ("/pre/", "/"), ("/pre/x?q=1", "/x?q=1"), ("/onto/x", "/new/x")):
        assert mesh.get(URL + path, gateway=True).status == 200, path
        assert mesh.received("a")[-1].path == arrives
    assert mesh.get(f"{URL}/prefix", gateway=True).status == 404
    for path, location in (("/moved", "/"), ("/moved/x", "/x")):
        answer = mesh.get(URL + path, gateway=True)
        assert (answer.status, answer.headers["location"]) == (302, URL + location)


def test_exact_paths_come_first_and_what_is_missing_is_an_error_of_the_server(mesh: Mesh) -> None:
    mesh.apply(MANIFESTS, http_route(ROUTES))

    assert mesh.get(f"{URL}/exact", gateway=True).workload == "b"
    assert mesh.get(f"{URL}/exact/", gateway=True).workload == "a"
    assert mesh.get(f"{URL}/gone", gateway=True).status == 500
    assert mesh.get(f"{URL}/none", gateway=True).status == 500
    answers = {mesh.get(f"{URL}/half", gateway=True).status for _ in range(40)}
    assert answers == {200, 500}


def test_a_route_of_a_service_rules_its_callers_and_that_of_grpc_takes_methods(mesh: Mesh) -> None:
    to_b = http_route("- backendRefs: [{name: b, port: 80}]", parents="[{group: '', kind: Service, name: a}]")
    hello = grpc_route(
        "- {matches: [{method: {service: shop.Hello, method: Say}}], backendRefs: [{name: a, port: 80}]}"
    )
    mesh.apply(MANIFESTS, to_b, hello)

    assert mesh.get("http://a/").workload == "b"
    assert mesh.post(f"{URL}/shop.Hello/Say", gateway=True).workload == "a"
    assert mesh.post(f"{URL}/shop.Hello/Other", gateway=True).status == 404


def test_a_listener_of_https_shows_its_certificate(mesh: Mesh) -> None:
    certificate = trustme.CA().issue_cert("shop.test")
    listener = "{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: shop}]}}"
    gateway = GATEWAY.replace("{name: http, port: 80, protocol: HTTP}", listener)
    route = http_route("- backendRefs: [{name: a, port: 80}]")
    mesh.apply(together(SERVICES, gateway), secret("shop", pair(certificate)), route)

    assert mesh.get("https://shop.test/", gateway=True).workload == "a"
