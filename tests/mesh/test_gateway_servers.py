"""Which servers of Gateways get a port, when several want it."""

from __future__ import annotations

import pytest
from tests.compiler.world import manifests

from turnout.mesh import mesh
from turnout.mesh.gateway_servers import BoundServer, Serving, conflicts, ports, servers
from turnout.mesh.mesh import Mesh

TLS = "{mode: SIMPLE, credentialName: c}"


def server(name: str, protocol: str, host: str, tls: str = "", port: int = 443) -> str:
    settings = f", tls: {tls}" if tls else ""
    return f"  - {{port: {{number: {port}, name: {name}, protocol: {protocol}}}, hosts: [{host}]{settings}}}\n"


def built(*servers: str, second: str = "") -> Mesh:
    head = "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: %s}\nspec:\n  servers:\n"
    text = head % "gw" + "".join(servers) + (head % "later" + second if second else "")
    return mesh.build(manifests(("gateway.yaml", text)).resources)


def kept(found: Mesh, port: int = 443) -> list[str]:
    return [bound.key for bound in servers(found, port)]


@pytest.mark.parametrize(
    ("protocol", "tls", "serving"),
    [
        ("HTTP", "", Serving.HTTP),
        ("GRPC", "", Serving.HTTP),
        ("HTTPS", TLS, Serving.HTTPS),
        ("TLS", TLS, Serving.TLS),
        ("TLS", "{mode: PASSTHROUGH}", Serving.PASSTHROUGH),
        ("HTTPS", "{mode: PASSTHROUGH}", Serving.PASSTHROUGH),
        ("HTTPS", "{}", Serving.PASSTHROUGH),
        ("TCP", "", Serving.TCP),
        ("MYSQL", "", Serving.TCP),
    ],
)
def test_protocol_and_mode_say_what_a_server_does(protocol: str, tls: str, serving: Serving) -> None:
    (bound,) = servers(built(server("s", protocol, "a.test", tls)), 443)
    assert bound.serving is serving


def test_servers_of_tls_share_a_port_as_long_as_their_hosts_differ() -> None:
    found = built(
        server("a", "HTTPS", "a.test", TLS),
        server("b", "TLS", "b.test", "{mode: PASSTHROUGH}"),
        server("again", "HTTPS", "default/A.test", TLS),
        second=server("any", "HTTPS", "'*'", TLS),
    )
    assert kept(found) == ["default/gw/a", "default/gw/b", "default/later/any"]
    (problem,) = conflicts(found)
    assert (problem.code, str(problem.where)) == ("TNO320", "Gateway default/gw spec.servers[2]")
    assert problem.message == "the server is not served: default/gw/a has a.test on port 443"


def test_the_first_server_of_a_port_says_of_which_kind_it_is() -> None:
    found = built(
        server("web", "HTTP", "a.test"),
        server("more", "HTTP2", "b.test"),
        server("tls", "HTTPS", "a.test", TLS),
        server("raw", "TCP", "a.test"),
    )
    assert kept(found) == ["default/gw/web", "default/gw/more"]
    assert [problem.message for problem in conflicts(found)] == [
        "the server is not served: default/gw/web has made port 443 one of HTTP"
    ] * 2


def test_each_port_is_known_by_its_first_server() -> None:
    found = built(server("a", "HTTP", "a.test", port=80), server("b", "HTTP", "b.test", port=80))
    assert ports(found) == {80: BoundServer(found.gateways[0], 0)}


def test_a_server_for_any_host_asks_for_no_name() -> None:
    one, two = servers(built(server("a", "HTTPS", "'*', a.test", TLS), server("b", "HTTPS", "B.test", TLS)), 443)
    assert (one.sni, two.sni) == ((), ("b.test",))
