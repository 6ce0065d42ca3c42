"""What a test can ask of the mesh, on a real Envoy."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trustme
from tests.testing.manifests import SERVICE, routes, to

from turnout.error import TurnoutError
from turnout.testing import Mesh

pytestmark = pytest.mark.e2e

JASON = {"end-user": "jason"}
CANARY = routes(
    f"[{{match: [{{headers: {{end-user: {{exact: jason}}}}}}], route: {to('v2')}}},"
    f" {{route: {to('v1=90', 'v2=10')}, mirror: {{host: reviews, subset: v3}}}}]"
)
FRONT = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec: {selector: {istio: ingressgateway}, servers: [SERVER]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front}
spec: {hosts: [shop.test], gateways: [front], http: [{route: [{destination: {host: reviews, subset: v1}}]}]}
"""
OUTSIDE = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: payments}
spec:
  hosts: [api.payments.test]
  resolution: DNS
  ports: [{number: 80, name: http, protocol: HTTP}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: payments}
spec: {host: api.payments.test, trafficPolicy: {tls: {mode: SIMPLE}}}
---
apiVersion: v1
kind: Service
metadata: {name: ledger}
spec: {type: ExternalName, externalName: ledger.example.com, ports: [{port: 80, name: grpc}]}
"""


def test_requests_go_where_their_headers_say_and_split_by_weight_and_are_copied(mesh: Mesh) -> None:
    mesh.apply(SERVICE, CANARY)

    assert mesh.get("http://reviews/", headers=JASON).version == "v2"
    assert not mesh.mirrored("reviews", "v3")
    assert mesh.split("http://reviews/", n=300).close_to({"v1": 90, "v2": 10})
    assert len(mesh.mirrored("reviews", "v3")) == 300


def test_each_test_begins_with_nothing(mesh: Mesh) -> None:
    answer = mesh.get("http://reviews/")

    assert (answer.status, answer.version, answer.received) == (502, "", None)


def test_what_is_applied_again_takes_the_place_and_what_is_deleted_is_gone(mesh: Mesh) -> None:
    mesh.apply(SERVICE, routes(f"[{{route: {to('v1')}}}]"))
    mesh.apply(routes(f"[{{route: {to('v2')}}}]"))
    assert mesh.get("http://reviews/").version == "v2"

    mesh.delete("VirtualService", "reviews")
    assert set(mesh.split("http://reviews/", n=50).counts) == {"v1", "v2", "v3"}


def test_who_calls_matters_where_rules_look_at_labels(mesh: Mesh) -> None:
    mesh.apply(
        SERVICE, routes(f"[{{match: [{{sourceLabels: {{app: web}}}}], route: {to('v2')}}}, {{route: {to('v1')}}}]")
    )
    mesh.run("web", {"app": "web"})
    mesh.run("cron", {"app": "cron"}, namespace="jobs")

    callers = {name: mesh.get("http://reviews.default/", from_=name).version for name in ("web", "jobs/cron")}
    assert callers == {"web": "v2", "jobs/cron": "v1"}
    with pytest.raises(TurnoutError, match="no workload default/webb: did you mean web"):
        mesh.get("http://reviews/", from_="webb")


def test_a_gateway_lets_in_the_hosts_that_it_has(mesh: Mesh) -> None:
    mesh.apply(SERVICE, FRONT.replace("SERVER", '{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}'))

    assert mesh.get("http://shop.test/", gateway=True).version == "v1"
    assert mesh.get("http://other.test/", gateway=True).status == 404
    with pytest.raises(TurnoutError, match="no Gateway serves port 8443; ports of Gateways: 80"):
        mesh.get("https://shop.test:8443/", gateway=True)


def test_https_ends_at_the_gateway(mesh: Mesh) -> None:
    certificate = trustme.CA().issue_cert("shop.test")
    pair = {"tls.crt": certificate.cert_chain_pems[0].bytes(), "tls.key": certificate.private_key_pem.bytes()}
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "shop", "namespace": "istio-system"},
    }
    secret["stringData"] = {name: pem.decode() for name, pem in pair.items()}
    tls = "{mode: SIMPLE, credentialName: shop}"
    server = f"{{port: {{number: 443, name: https, protocol: HTTPS}}, hosts: [shop.test], tls: {tls}}}"
    mesh.apply(SERVICE, FRONT.replace("SERVER", server), json.dumps(secret, indent=1))

    assert mesh.get("https://shop.test/", gateway=True).version == "v1"


def test_what_is_outside_is_played_too_and_nothing_leaves_the_machine(mesh: Mesh) -> None:
    mesh.apply(OUTSIDE)

    assert mesh.get("http://api.payments.test/v1/charges").received is not None
    assert [request.path for request in mesh.received("api.payments.test")] == ["/v1/charges"]
    assert mesh.post("http://ledger/bank.Ledger/Write", body="x").workload == "ledger"


def test_manifests_with_errors_are_refused_all_together_and_change_nothing(mesh: Mesh) -> None:
    mesh.apply(SERVICE, routes(f"[{{route: {to('v1')}}}]"))

    with pytest.raises(TurnoutError, match=r"(?s)test\.yaml:.*total destination weight = 0.*TNO1"):
        mesh.apply(routes(f"[{{route: {to('v1=0', 'v2=0')}}}]"))
    assert mesh.get("http://reviews/").version == "v1"


def test_what_leads_nowhere_is_a_problem_and_503(mesh: Mesh) -> None:
    mesh.apply(SERVICE, routes(f"[{{route: {to('v1=50', 'v9=50')}}}]"))

    assert [problem.code for problem in mesh.problems] == ["IST0101"]
    assert mesh.split("http://reviews/", n=200).close_to({"v1": 50, "503": 50})


def test_what_arrives_has_its_headers_its_body_and_its_path_as_routing_left_them(mesh: Mesh) -> None:
    change = "rewrite: {uri: /}, headers: {request: {set: {x-team: search}}, response: {remove: [content-type]}}"
    mesh.apply(SERVICE, routes(f"[{{match: [{{uri: {{prefix: /api/}}}}], route: {to('v1')}, {change}}}]"))

    answer = mesh.put("http://reviews/api/stars?of=7", json={"stars": 5}, headers={"X-User": "ada"})

    received = answer.received
    assert received is not None
    assert (received.method, received.path, received.host) == ("PUT", "/stars?of=7", "reviews")
    assert (received.headers["X-TEAM"], received.headers["x-user"]) == ("search", "ada")
    assert received.json() == {"stars": 5}
    assert "content-type" not in answer.headers


def test_a_hash_keeps_each_user_with_one_pod(mesh: Mesh) -> None:
    policy = "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}\n  subsets:"
    mesh.apply(SERVICE.replace("subsets:", policy))

    split = mesh.split("http://reviews/", n=60, headers=lambda number: {"x-user": f"u{number % 3}"})
    assert all(count % 20 == 0 for count in split.counts.values())


def test_it_says_why_a_request_goes_where_it_goes(mesh: Mesh) -> None:
    mesh.apply(SERVICE, CANARY)

    said = mesh.explain("http://reviews/", headers={"end-user": "ada"})
    assert "because the header end-user is ada: it would have to be jason" in said
    assert "90 % to reviews.default.svc.cluster.local v1" in said
