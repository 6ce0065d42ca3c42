"""What workloads open tunnels for (CONNECT) on a real Envoy: gRPC, TCP, and hosts of ServiceEntries."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
import yaml
from tests.ports import free_port

from turnout.compiler.compile import compile
from turnout.compiler.tcp_log import CLOSED, OPENED, RECEIVED, SENT
from turnout.mesh import mesh
from turnout.mesh.proxy import Egress, Outlet, Proxy
from turnout.mesh.service import Instance, InstancePort
from turnout.resources.interpret import interpret
from turnout.telemetry.stats import SCRAPE, Reader

if TYPE_CHECKING:
    from tests.xds.conftest import Backend, World

pytestmark = pytest.mark.e2e

SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: greeter, namespace: default}
spec: {selector: {app: greeter}, ports: [{port: 9000, name: grpc}]}
---
apiVersion: v1
kind: Service
metadata: {name: cache, namespace: default}
spec: {selector: {app: cache}, ports: [{port: 6379, name: redis}]}
"""
SUBSETS = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: NAME, namespace: default}
spec: {host: NAME, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
"""


def split(name: str, kind: str, more: str = "") -> str:
    """One request (or connection) of four goes to v1."""
    route = "[{destination: {host: NAME, subset: v1}, weight: 1}, {destination: {host: NAME, subset: v2}, weight: 3}]"
    written = f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: NAME, namespace: default}}
spec: {{hosts: [NAME], {kind}: [{{{more}route: {route}}}]}}
"""
    return (written + "---" + SUBSETS).replace("NAME", name)


def instance(app: str, version: str, container_port: int, port: int) -> Instance:
    labels = {"app": app, "version": version}
    ports = (InstancePort(container_port, port),)
    return Instance("default", f"{app}-{version}", f"{app}-{version}-1", "127.0.0.1", ports, labels)


async def publish(world: World, text: str, running: Sequence[Instance] = (), proxies: Sequence[Proxy] = ()) -> None:
    found = [interpret({"metadata": {"namespace": "default"}} | each) for each in yaml.safe_load_all(text) if each]
    built = mesh.build([each.resource for each in found], running)
    caller = Egress("default", "caller", world.port, {"app": "caller"})
    assert await world.publish(compile(built, proxies or [caller])) == []


class Greeter(grpc.GenericRpcHandler):  # type: ignore[misc] # gRPC ships no types
    """Answers every call with its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def service(self, handler_call_details: Any) -> Any:
        async def answer(request: bytes, context: Any) -> bytes:
            return self.name.encode()

        return grpc.unary_unary_rpc_method_handler(answer)


@asynccontextmanager
async def greeters(*versions: str) -> AsyncIterator[list[Instance]]:
    async with AsyncExitStack() as stack:
        running = []
        for version in versions:
            server = grpc.aio.server()
            server.add_generic_rpc_handlers([Greeter(version)])
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            stack.push_async_callback(server.stop, None)
            running.append(instance("greeter", version, 9000, port))
        yield running


async def call(channel: Any, count: int) -> Counter[str]:
    """Who answered how often."""
    method = channel.unary_unary("/greeter.Greeter/Greet")
    answers = await asyncio.gather(*(method(b"", timeout=5) for _ in range(count)))
    return Counter(answer.decode() for answer in answers)


async def connect(world: World, target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """A tunnel, and the first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n".encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    return reader, writer, head.split(b"\r\n")[0]


async def ask(world: World, target: str) -> str:
    """Opens a tunnel and asks inside, in HTTP/1.1, to be told who answers."""
    reader, writer, status = await connect(world, target)
    assert b"200" in status, status
    writer.write(b"GET / HTTP/1.1\r\nhost: " + target.encode() + b"\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    body = await asyncio.wait_for(reader.read(100), 5)
    writer.close()
    return body.decode()


async def test_calls_of_a_grpc_client_are_split_by_weight_through_its_proxy(world: World) -> None:
    async with greeters("v1", "v2") as running:
        await publish(world, SERVICES + "---" + split("greeter", "http"), running)
        options = [("grpc.http_proxy", f"http://127.0.0.1:{world.port}")]
        async with grpc.aio.insecure_channel("greeter:9000", options=options) as channel:
            answers = await call(channel, 400)
    assert sum(answers.values()) == 400
    assert 60 < answers["v1"] < 140


async def test_http2_without_a_tunnel_is_routed_as_well(world: World) -> None:
    async with greeters("v1", "v2") as running:
        await publish(world, SERVICES + "---" + split("greeter", "http"), running)
        options = [("grpc.default_authority", "greeter:9000"), ("grpc.enable_http_proxy", 0)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{world.port}", options=options) as channel:
            answers = await call(channel, 100)
    assert set(answers) == {"v1", "v2"}


async def test_tcp_connections_are_split_by_weight(world: World, backends: dict[str, Backend]) -> None:
    running = [instance("cache", name, 6379, backend.port) for name, backend in backends.items()]
    await publish(world, SERVICES + "---" + split("cache", "tcp"), running)
    answers = Counter([await ask(world, "cache:6379") for _ in range(200)])
    assert 25 < answers["v1"] < 80
    assert answers["v1"] + answers["v2"] == 200


async def counted(world: World) -> dict[tuple[str, str, str], Mapping[str, int]]:
    """What Envoy has counted of connections, by caller, answerer and flags."""
    _, body = await world.envoy.admin("GET", SCRAPE)
    connections = Reader().read(body, 0.0).connections
    return {(s.source_workload, s.destination_workload, s.response_flags): n for s, n in connections.items()}


async def test_tunnels_are_counted_as_connections_with_their_bytes(world: World, backends: dict[str, Backend]) -> None:
    await publish(world, SERVICES, [instance("cache", "v1", 6379, backends["v1"].port)])
    _, open_one, _ = await connect(world, "cache:6379")
    for _ in range(3):
        await ask(world, "cache:6379")
    _, refused, _ = await connect(world, "greeter:9000")
    refused.close()

    async def all_ended() -> bool:
        return sum(n.get(CLOSED, 0) for n in (await counted(world)).values()) == 3

    await world.until(all_ended)
    found = await counted(world)
    assert {who[:2] for who in found} == {("caller", "cache-v1")}
    total = {name: sum(n.get(name, 0) for n in found.values()) for name in (OPENED, CLOSED, RECEIVED, SENT)}
    asked, answered = (
        len(b"GET / HTTP/1.1\r\nhost: cache:6379\r\n\r\n"),
        len(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nv1"),
    )
    assert total == {OPENED: 4, CLOSED: 3, RECEIVED: 3 * asked, SENT: 3 * answered}
    open_one.close()


async def test_a_tunnel_to_nowhere_is_refused(world: World) -> None:
    await publish(world, SERVICES)
    _, writer, status = await connect(world, "nobody.test:443")
    writer.close()
    assert b"502" in status


def entry(name: str, host: str, port: int, resolution: str, more: str = "", protocol: str = "HTTP") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: ["{host}"]
  ports: [{{number: {port}, name: main, protocol: {protocol}}}]
  resolution: {resolution}
  {more}
---"""


@pytest.mark.parametrize(
    ("host", "resolution", "endpoints", "asked"),
    [
        ("api.test", "STATIC", "endpoints: [{address: 127.0.0.1, ports: {main: PORT}}]", "api.test:80"),
        ("api.test", "DNS", "endpoints: [{address: localhost, ports: {main: PORT}}]", "api.test:80"),
        ("api.test", "DNS_ROUND_ROBIN", "endpoints: [{address: localhost, ports: {main: PORT}}]", "api.test:80"),
        ("localhost", "NONE", "", "localhost:PORT"),
        ("*.localhost", "DYNAMIC_DNS", "", "api.localhost:PORT"),
    ],
)
async def test_a_service_entry_is_called_in_plain_http_and_by_tunnel(
    world: World, backends: dict[str, Backend], host: str, resolution: str, endpoints: str, asked: str
) -> None:
    port = backends["v1"].port
    asked, number = asked.replace("PORT", str(port)), int(asked.rpartition(":")[2].replace("PORT", str(port)))
    await publish(world, entry("api", host, number, resolution, endpoints.replace("PORT", str(port))))
    await world.until(lambda: resolved(world, asked))
    assert await world.get(host=asked) == (200, "v1")
    assert await ask(world, asked) == "v1"


async def resolved(world: World, host: str) -> bool:
    return (await world.get(host=host))[0] == 200


async def test_copies_reach_a_service_entry(world: World, backends: dict[str, Backend]) -> None:
    real, copy = (backend.port for backend in backends.values())
    found = f"endpoints: [{{address: localhost, ports: {{main: {copy}}}}}]"
    mirrored = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: real, namespace: default}
spec: {hosts: [greeter], http: [{route: [{destination: {host: greeter}}], mirror: {host: copies.test}}]}
---"""
    services = SERVICES.replace("name: grpc", "name: http")
    text = services + "---" + mirrored + entry("copies", "copies.test", 80, "DNS", found)
    await publish(world, text, [instance("greeter", "v1", 9000, real)])
    await world.get(host="greeter:9000")
    await world.until(lambda: copied(world, backends["v2"]))


async def copied(world: World, backend: Backend) -> bool:
    await world.get(host="greeter:9000")
    return backend.requests > 0


async def test_a_program_that_knows_no_proxy_finds_a_service_on_a_port_of_its_own(
    world: World, backends: dict[str, Backend]
) -> None:
    running = [instance("cache", name, 6379, backend.port) for name, backend in backends.items()]
    outlet = Outlet("cache.default.svc.cluster.local", 6379, world.port)
    gone = Outlet("gone.default.svc.cluster.local", 1, free_port())
    caller = Egress("default", "caller", free_port(), {"app": "caller"}, (outlet, gone))
    await publish(world, SERVICES + "---" + split("cache", "tcp"), running, [caller])
    answers = Counter([(await world.get())[1] for _ in range(100)])
    assert set(answers) == {"v1", "v2"}
    assert {who[0] for who in await counted(world)} == {"caller"}
