"""What DestinationRules say of endpoints, on a real Envoy: which are near, who is meant, how they are spoken to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from typing import Any

import pytest
from tests.ports import free_port
from tests.xds.conftest import Backend, World, exchange, serve

from turnout.compiler.compile import compile
from turnout.mesh import mesh
from turnout.mesh.proxy import Egress
from turnout.resources.interpret import interpret

pytestmark = pytest.mark.e2e

JSON = dict[str, Any]
HOST = "far.test"
HERE = {"topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": "z1"}
PLACES = {"near": "r1/z1", "region": "r1/z2", "far": "r2/z1"}


def _object(kind: str, **spec: Any) -> JSON:
    meta = {"name": kind.lower(), "namespace": "default"}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


def _entry(ports: dict[str, int]) -> JSON:
    endpoints = [
        {"address": "127.0.0.1", "ports": {"http": port}, "locality": PLACES[name]} for name, port in ports.items()
    ]
    http = {"number": 80, "name": "http", "protocol": "HTTP"}
    return _object("ServiceEntry", hosts=[HOST], ports=[http], resolution="STATIC", endpoints=endpoints)


class Site:
    """Three places, and two callers: one that says where it is, and one that does not."""

    def __init__(self, world: World, ports: dict[str, int]) -> None:
        self.world, self.ports = world, ports
        self.nowhere = free_port()

    async def rule(self, **spec: Any) -> None:
        objects = (_entry(self.ports), _object("DestinationRule", host=HOST, **spec))
        found = [interpret(obj) for obj in objects]
        assert all(each.resource for each in found), [each.problems for each in found]
        callers = [Egress("default", "here", self.world.port, HERE), Egress("default", "nowhere", self.nowhere)]
        built = mesh.build([each.resource for each in found])
        assert await self.world.publish(compile(built, callers)) == []

    async def answers(self, port: int, count: int = 60) -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            _, body, _ = await exchange(reader, writer, "/", HOST)
            writer.close()
            found[body] += 1
        return found


@pytest.fixture
async def site(world: World) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        backends = [Backend(name) for name in PLACES]
        for backend in backends:
            server = await serve(backend)
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
            stack.push_async_callback(backend.close)
        yield Site(world, {backend.name: backend.port for backend in backends})


async def test_near_endpoints_shares_by_place_and_selected_callers(site: Site) -> None:
    near: JSON = {"outlierDetection": {"consecutive5xxErrors": 3}}
    await site.rule(trafficPolicy=near)
    assert set(await site.answers(site.world.port)) == {"near"}
    assert set(await site.answers(site.nowhere)) == set(PLACES)

    shares = {"distribute": [{"from": "r1", "to": {"r1/z2": 50, "r2": 50}}]}
    await site.rule(trafficPolicy={"loadBalancer": {"localityLbSetting": shares}})
    assert set(await site.answers(site.world.port)) == {"region", "far"}
    assert set(await site.answers(site.nowhere)) == set(PLACES)

    await site.rule(workloadSelector={"matchLabels": HERE}, trafficPolicy=near)
    assert set(await site.answers(site.world.port)) == {"near"}
    assert set(await site.answers(site.nowhere)) == set(PLACES)


async def test_the_proxy_protocol_names_the_caller_before_the_first_request(world: World) -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            heard.set_result(await reader.readline())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        site = Site(world, {"near": server.sockets[0].getsockname()[1]})
        await site.rule(trafficPolicy={"proxyProtocol": {"version": "V1"}})
        await site.answers(world.port, 1)
        assert (await heard).startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
