"""What is told of clusters: ports, sidecars, ServiceEntries, tokens."""

from __future__ import annotations

import pytest
from tests.analysis.samples import REVIEWS, routes, stock

from turnout.analysis.analyze import analyze

GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: NAME, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test]}]
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: gateway, namespace: istio-system, labels: {istio: ingressgateway}}
---
apiVersion: v1
kind: Service
metadata: {name: gateway, namespace: istio-system, labels: {istio: ingressgateway}}
spec: {selector: {istio: ingressgateway}, ports: [{name: http, port: 80}]}
"""
TOKENS = """\
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: NAMESPACE}
spec: {selector: {matchLabels: {istio: ingressgateway}}}
"""
CLAIM = routes(
    '[{match: [{headers: {"@request.auth.claims.group": {exact: a}}}], route: [{destination: {host: reviews}}]}]',
    head="hosts: [a.test], gateways: [front]",
)
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews, namespace: default}
spec:
  selector: {matchLabels: {app: reviews}}
  template:
    metadata: {labels: {app: reviews, version: v1, INJECT}}
    spec: {containers: [{name: app, image: reviews}]}
"""
INJECTED = DEPLOYMENT.replace("INJECT", 'sidecar.istio.io/inject: "true"')
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {istio-injection: enabled}}\n"
SECOND = """\
apiVersion: v1
kind: Service
metadata: {name: other, namespace: default}
spec: {selector: {app: reviews}, ports: [{name: http, port: PORT, targetPort: 80, protocol: PROTOCOL}]}
"""
ENTRY = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: NAME, namespace: NAMESPACE}
spec:
  hosts: [api.example.com]
  ports: [{number: 443, name: tls, protocol: PROTOCOL}]
  resolution: DNS
  exportTo: [EXPORT]
"""


def entry(name: str, protocol: str, namespace: str = "default", export: str = "'*'") -> str:
    text = ENTRY.replace("PROTOCOL", protocol).replace("NAMESPACE", namespace)
    return text.replace("NAME", name).replace("EXPORT", export)


def second(port: int, protocol: str = "TCP") -> str:
    return SECOND.replace("PORT", str(port)).replace("PROTOCOL", protocol)


def told(code: str, *texts: str) -> list[str]:
    return [str(problem.where) for problem in analyze(stock(*texts)) if problem.code == code]


def test_a_claim_needs_somebody_who_reads_tokens() -> None:
    front = GATEWAY.replace("NAME", "front")
    beside = TOKENS.replace("NAMESPACE", "istio-system")
    elsewhere = TOKENS.replace("NAMESPACE", "default")
    place = "VirtualService default/reviews spec.http[0].match[0].headers"
    assert told("IST0149", REVIEWS, POD, front, CLAIM) == [place]
    assert told("IST0149", REVIEWS, POD, front, CLAIM, elsewhere) == [place]
    assert told("IST0149", REVIEWS, POD, front, CLAIM, beside) == []
    assert told("IST0149", REVIEWS, POD, front, CLAIM.replace("claims.group", "claimsgroup")) == []


def test_gateways_that_serve_one_host_on_one_port_are_both_told() -> None:
    a, b = GATEWAY.replace("NAME", "a"), GATEWAY.replace("NAME", "b")
    found = ["Gateway default/a spec.servers[0].hosts", "Gateway default/b spec.servers[0].hosts"]
    assert told("IST0145", POD, a, b) == found
    assert told("IST0145", POD, a, b.replace("number: 80", "number: 81")) == []
    assert told("IST0145", POD, a, b.replace("a.test", "b.test")) == []
    bound = b.replace("protocol: HTTP}", "protocol: HTTP}, bind: 1.2.3.4")
    assert told("IST0145", POD, a, bound) == []


def test_a_gateways_port_has_to_be_one_that_its_pods_listen_on() -> None:
    front = GATEWAY.replace("NAME", "front")
    moved = POD.replace("port: 80", "port: 80, targetPort: 8080")
    assert told("IST0162", POD, front) == []
    assert told("IST0162", moved, front) == ["Gateway default/front spec.servers[0].port.number"]
    assert told("IST0162", moved, front.replace("number: 80", "number: 8080")) == []


@pytest.mark.parametrize(
    ("code", "other"),
    [("IST0116", second(80, "UDP")), ("IST0137", second(8080))],
)
def test_services_that_contradict_each_other_are_told_where_there_is_a_sidecar(code: str, other: str) -> None:
    plain = DEPLOYMENT.replace(", INJECT", "")
    place = ["Deployment default/reviews metadata.name"]
    assert told(code, REVIEWS, other, INJECTED) == place
    assert told(code, REVIEWS, other, plain, NAMESPACE) == place
    assert told(code, REVIEWS, other, plain) == []
    assert told(code, REVIEWS, other.replace("namespace: default", "namespace: other"), INJECTED) == []


def test_service_entries_that_give_a_port_two_protocols_are_told_where_somebody_sees_both() -> None:
    http = entry("a", "HTTP")
    assert len(told("IST0177", http, entry("b", "TLS"))) == 2
    assert told("IST0177", http, entry("b", "http")) == []
    assert len(told("IST0177", http, entry("b", "TLS", "other", "."))) == 2
    assert told("IST0177", entry("a", "HTTP", "default", "."), entry("b", "TLS", "other", ".")) == []


def test_a_tcp_port_needs_an_address_unless_istio_hands_them_out() -> None:
    tcp = entry("a", "tcp")
    allocated = tcp + "status: {addresses: [{value: 240.240.0.1}]}\n"
    assert told("IST0134", tcp) == ["ServiceEntry default/a spec.ports[0]"]
    assert told("IST0134", tcp.replace("spec:\n", "spec:\n  addresses: [10.0.0.1]\n")) == []
    assert told("IST0134", allocated) == []


@pytest.mark.parametrize(
    ("port", "found"),
    [
        ("{name: http-web, port: 80}", 0),
        ("{name: web, port: 80}", 1),
        ("{port: 80}", 1),
        ("{name: web, port: 80, appProtocol: http}", 0),
        ("{name: web, port: 80, appProtocol: kubernetes.io/h2c}", 0),
        ("{name: GRPC-web, port: 80}", 0),
        ("{name: dns, port: 80, protocol: UDP}", 0),
        ("{name: db, port: 3306}", 0),
    ],
)
def test_the_name_of_a_port_says_its_protocol(port: str, found: int) -> None:
    assert len(told("IST0118", REVIEWS.replace("{name: http, port: 80}", port))) == found


def test_a_gateway_that_istio_makes_for_itself_is_not_to_be_named() -> None:
    bound = routes(
        "[{route: [{destination: {host: reviews}}]}]",
        head="hosts: [a.test], gateways: [g-istio-autogenerated-k8s-gateway-http]",
    )
    assert told("IST0165", REVIEWS, bound) == ["VirtualService default/reviews spec.gateways[0]"]
    assert told("IST0101", REVIEWS, bound) == []
