"""What a gateway passes on unread, on a real Envoy: TCP by weight, and TLS by the name that it is for."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections import Counter
from contextlib import AsyncExitStack, closing
from typing import TYPE_CHECKING

import pytest
import trustme
import yaml
from tests.xds.conftest import exchange
from tests.xds.test_tunnels import SERVICES, SUBSETS, counted, instance, publish

from turnout.compiler.tcp_log import OPENED
from turnout.mesh.proxy import Ingress

if TYPE_CHECKING:
    from tests.xds.conftest import Backend, World

    from turnout.mesh.service import Instance

pytestmark = pytest.mark.e2e


def gateway(protocol: str, tls: str = "") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw, namespace: default}}
spec:
  selector: {{istio: ingressgateway}}
  servers: [{{port: {{number: 6379, name: main, protocol: {protocol}}}, hosts: ["*"], {tls}}}]
---"""


TCP = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cache, namespace: default}
spec:
  hosts: ["*"]
  gateways: [gw]
  tcp:
  - match: [{port: 1}]
    route: [{destination: {host: nobody}}]
  - route:
    - {destination: {host: cache, subset: v1}, weight: 1}
    - {destination: {host: cache, subset: v2}, weight: 3}
---"""

TLS = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cache, namespace: default}
spec:
  hosts: [one.test, "*.two.test"]
  gateways: [gw]
  tls:
  - match: [{sniHosts: [one.test]}]
    route: [{destination: {host: cache, subset: v1}}]
  - match: [{sniHosts: ["*.two.test"]}]
    route: [{destination: {host: cache, subset: v2}}]
---"""


async def test_tcp_connections_at_a_gateway_are_split_by_weight(world: World, backends: dict[str, Backend]) -> None:
    running = [instance("cache", name, 6379, backend.port) for name, backend in backends.items()]
    text = gateway("TCP") + TCP + SERVICES + "---" + SUBSETS.replace("NAME", "cache")
    await publish(world, text, running, [Ingress(6379, world.port)])
    answers = Counter([(await world.get())[1] for _ in range(200)])
    assert 25 < answers["v1"] < 80
    assert answers["v1"] + answers["v2"] == 200
    found = await counted(world)
    assert {who[:2] for who in found} == {("istio-ingressgateway", "cache-v1"), ("istio-ingressgateway", "cache-v2")}
    assert sum(n[OPENED] for n in found.values()) == 200


HASHED = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cache, namespace: default}
spec: {host: cache, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}}
---"""
ALL = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cache, namespace: default}
spec: {hosts: ["*"], gateways: [gw], tcp: [{route: [{destination: {host: cache}}]}]}
---"""


async def test_all_connections_of_one_address_go_to_one_endpoint(world: World, backends: dict[str, Backend]) -> None:
    running = [instance("cache", name, 6379, backend.port) for name, backend in backends.items()]
    await publish(world, gateway("TCP") + HASHED + ALL + SERVICES, running, [Ingress(6379, world.port)])
    answers = {f"127.0.0.{last}": {await ask_from(world, f"127.0.0.{last}") for _ in range(5)} for last in range(2, 22)}
    assert {len(who) for who in answers.values()} == {1}
    assert set[str]().union(*answers.values()) == {"v1", "v2"}


async def ask_from(world: World, address: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port, local_addr=(address, 0))
    with closing(writer):
        return (await exchange(reader, writer, "/", "cache"))[1]


GATEWAY_API = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: default}
spec:
  gatewayClassName: istio
  listeners: [{name: main, port: 6379, PROTOCOL}]
---"""
BACKENDS = """
apiVersion: v1
kind: Service
metadata: {name: cache-v1, namespace: default}
spec: {selector: {app: cache, version: v1}, ports: [{port: 6379, name: redis}]}
---
apiVersion: v1
kind: Service
metadata: {name: cache-v2, namespace: default}
spec: {selector: {app: cache, version: v2}, ports: [{port: 6379, name: redis}]}
---"""
TCP_ROUTE = """
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: cache, namespace: default}
spec:
  parentRefs: [{name: gw}]
  rules: [{backendRefs: [{name: cache-v1, port: 6379}, {name: cache-v2, port: 6379, weight: 3}]}]
---"""


def tls_route(name: str, host: str) -> str:
    return f"""
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TLSRoute
metadata: {{name: {name}, namespace: default}}
spec: {{parentRefs: [{{name: gw}}], hostnames: ["{host}"], rules: [{{backendRefs: [{{name: {name}, port: 6379}}]}}]}}
---"""


async def test_a_tcp_route_splits_the_connections_of_a_listener(world: World, backends: dict[str, Backend]) -> None:
    running = [instance("cache", name, 6379, backend.port) for name, backend in backends.items()]
    text = GATEWAY_API.replace("PROTOCOL", "protocol: TCP") + BACKENDS + TCP_ROUTE
    await publish(world, text, running, [Ingress(6379, world.port)])
    answers = Counter([(await world.get())[1] for _ in range(200)])
    assert 25 < answers["v1"] < 80
    assert answers["v1"] + answers["v2"] == 200


async def secured(authority: trustme.CA, stack: AsyncExitStack) -> list[Instance]:
    """Two versions that speak TLS, until the stack ends."""
    servers = [await secure(authority, name) for name in ("v1", "v2")]
    for server, _ in servers:
        stack.callback(server.close)
    return [instance("cache", name, 6379, port) for name, (_, port) in zip(("v1", "v2"), servers, strict=True)]


async def test_tls_routes_pass_tls_through_by_name(world: World) -> None:
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with AsyncExitStack() as stack:
        running = await secured(authority, stack)
        listener = GATEWAY_API.replace("PROTOCOL", "protocol: TLS, tls: {mode: Passthrough}")
        routes = tls_route("cache-v1", "one.test") + tls_route("cache-v2", "*.two.test")
        await publish(world, listener + BACKENDS + routes, running, [Ingress(6379, world.port)])
        assert await ask(world, "one.test", trust) == "v1"
        assert await ask(world, "any.two.test", trust) == "v2"
        with pytest.raises((OSError, EOFError)):
            await ask(world, "three.test", trust)


async def test_tls_is_passed_through_to_the_service_that_its_name_is_for(world: World) -> None:
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with AsyncExitStack() as stack:
        running = await secured(authority, stack)
        text = gateway("TLS", "tls: {mode: PASSTHROUGH}") + TLS + SERVICES + "---" + SUBSETS.replace("NAME", "cache")
        await publish(world, text, running, [Ingress(6379, world.port)])
        assert await ask(world, "one.test", trust) == "v1"
        assert await ask(world, "any.two.test", trust) == "v2"
        with pytest.raises((OSError, EOFError)):
            await ask(world, "three.test", trust)


async def test_what_is_inside_of_tls_is_forwarded_by_tcp_routes(world: World, backends: dict[str, Backend]) -> None:
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    running = [instance("cache", name, 6379, backend.port) for name, backend in backends.items()]
    text = gateway("TLS", "tls: {mode: SIMPLE, credentialName: cert}") + TCP + secret(authority) + SERVICES
    await publish(world, text + "---" + SUBSETS.replace("NAME", "cache"), running, [Ingress(6379, world.port)])
    assert {await ask(world, "one.test", trust) for _ in range(40)} == {"v1", "v2"}


def secret(authority: trustme.CA) -> str:
    issued = authority.issue_cert("one.test")
    pair = {"tls.crt": issued.cert_chain_pems[0], "tls.key": issued.private_key_pem}
    data = {name: base64.b64encode(pem.bytes()).decode() for name, pem in pair.items()}
    meta = {"name": "cert", "namespace": "default"}
    return "\n" + yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}) + "---"


async def secure(authority: trustme.CA, name: str) -> tuple[asyncio.Server, int]:
    """A server that ends TLS itself, for every name of the test, and says who it is."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("one.test", "*.two.test", "three.test").configure_cert(context)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(name)}\r\n\r\n{name}".encode())

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    return server, int(server.sockets[0].getsockname()[1])


async def ask(world: World, name: str, trust: ssl.SSLContext) -> str:
    """Who answers below that name; the server's own certificate is looked at."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port, ssl=trust, server_hostname=name)
    with closing(writer):
        return (await exchange(reader, writer, "/", name))[1]
