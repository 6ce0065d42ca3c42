"""A real Envoy with its control plane, small servers behind it, and clients that count what fails."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from google.protobuf.json_format import ParseDict
from tests.ports import free_port

from turnout.compiler.config import Config
from turnout.process import Identity, Process
from turnout.xds.ads import AdsServer
from turnout.xds.envoy import Envoy
from turnout.xds.watch import Rejection

assert router_pb2
assert http_connection_manager_pb2, "ParseDict finds the types of Any only once they are imported"

Site = Callable[..., Config]
ADS: dict[str, Any] = {"ads": {}, "resource_api_version": "V3"}
FILTERS = "type.googleapis.com/envoy.extensions.filters"


def _cluster(name: str, **more: Any) -> Cluster:
    plain = {"name": name, "type": "EDS", "eds_cluster_config": {"eds_config": ADS}, "connect_timeout": "1s"}
    return ParseDict(plain | more, Cluster())


def endpoints(name: str, port: int) -> ClusterLoadAssignment:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    localities = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return ParseDict({"cluster_name": name, "endpoints": localities}, ClusterLoadAssignment())


def listener(name: str, port: int | None, **manager: Any) -> Listener:
    """Serves the routes of its own name. Without a port it is an internal one."""
    router = {"name": "router", "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"}}
    config = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {"config_source": ADS, "route_config_name": name},
        "http_filters": [router],
    }
    plain: dict[str, Any] = {
        "name": name,
        "filter_chains": [{"filters": [{"name": "http", "typed_config": config | manager}]}],
    }
    if port is None:
        return ParseDict(plain | {"internal_listener": {}}, Listener())
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return ParseDict(plain | {"address": address, "enable_reuse_port": False}, Listener())


def routes(name: str, weights: Mapping[str, int], **action: Any) -> RouteConfiguration:
    """Splits all requests over clusters by weight."""
    split = [{"name": cluster, "weight": weight} for cluster, weight in weights.items()]
    route = {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": split}, "timeout": "0s"} | action}
    hosts = [{"name": "all", "domains": ["*"], "routes": [route]}]
    return ParseDict({"name": name, "virtual_hosts": hosts}, RouteConfiguration())


def _site(
    port: int | None,
    backends: Mapping[str, int],
    weights: Mapping[str, int],
    *,
    name: str = "main",
    manager: Mapping[str, Any] | None = None,
    **action: Any,
) -> Config:
    """One listener, and a cluster for each backend (name to port)."""
    return Config.of(
        [_cluster(backend) for backend in backends],
        [endpoints(backend, port) for backend, port in backends.items()],
        [listener(name, port, **(manager or {}))],
        [routes(name, weights, **action)],
    )


class Backend:
    """Answers every request with its name, after as many seconds as the path says (`/0.5`), or never (`/hang`)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests = 0
        self.port = 0
        self.connections: set[asyncio.Task[None]] = set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(asyncio.create_task(self.serve(reader, writer)))

    async def close(self) -> None:
        for connection in self.connections:
            connection.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError, EOFError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                path = head.split()[1].decode().strip("/")
                if path == "hang" or (path == "mirrored-hang" and b"-shadow" in head):
                    await asyncio.Event().wait()
                with suppress(ValueError):
                    await asyncio.sleep(float(path))
                writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(self.name)}\r\n\r\n{self.name}".encode())


async def serve(backend: Backend) -> asyncio.Server:
    server = await asyncio.start_server(backend.connected, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    return server


class World:
    """A runtime folder with one AdsServer and one Envoy, and a free port for it to listen on."""

    def __init__(self, runtime: Path) -> None:
        self.runtime = runtime
        self.ads_socket = runtime / "ads.sock"
        self.log = runtime / "envoy.log"
        self.port = free_port()
        self.rejections: list[Rejection] = []
        self.respawned: list[Identity] = []
        self._abandoned: list[Process] = []
        self.ads = self.new_ads()
        self.envoy = self.new_envoy()

    def new_ads(self) -> AdsServer:
        return AdsServer(self.ads_socket, on_rejection=self.rejections.append)

    def new_envoy(self, **more: Any) -> Envoy:
        plain: dict[str, Any] = {"runtime": self.runtime, "log": self.log, "concurrency": 2, "node": "test"}
        return Envoy(ads_socket=self.ads_socket, on_respawn=self.respawned.append, **plain | more)

    def abandon(self) -> None:
        """As if our process had been killed: nobody looks after Envoy any more."""
        assert self.envoy._supervisor is not None
        assert self.envoy._process is not None
        self.envoy._supervisor.cancel()
        self._abandoned.append(self.envoy._process)

    async def reap(self) -> None:
        """Abandoned processes are still our children here, and somebody must take leave of them."""
        async with asyncio.timeout(5):
            for process in self._abandoned:
                await process.wait()

    async def publish(self, config: Config) -> list[Rejection]:
        async with asyncio.timeout(10):
            return await self.ads.publish(config).acknowledged()

    async def get(self, path: str = "/", host: str = "x") -> tuple[int, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            return (await exchange(reader, writer, path, host))[:2]
        finally:
            writer.close()

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(5):
            while not await condition():  # noqa: ASYNC110 - it comes true in another process
                await asyncio.sleep(0.005)

    async def gauge(self, name: str) -> int:
        _, body = await self.envoy.admin("GET", f"/stats?filter=^{name.replace('.', '[.]')}$")
        return int(body.decode().rsplit(":", 1)[1])


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, host: str
) -> tuple[int, str, bool]:
    """Status, body, and whether the connection may be used again."""
    writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length:")[1].split()[0])
    return int(head.split()[1]), (await reader.readexactly(length)).decode(), "connection: close" not in head


class Load:
    """Clients that keep asking. `answers` counts what they got, by status and body, or by the kind of failure."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: Counter[str] = Counter()
        self._ending = False

    @property
    def failures(self) -> dict[str, int]:
        return {answer: count for answer, count in self.answers.items() if not answer.startswith("200")}

    async def _client(self) -> None:
        while not self._ending:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.world.port)
                with closing(writer):
                    await self._converse(reader, writer)
            except (OSError, EOFError) as error:
                self.answers[type(error).__name__] += 1
            await asyncio.sleep(0.001)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        usable = True
        while usable and not self._ending:
            status, body, usable = await exchange(reader, writer, "/", "x")
            self.answers[f"{status} {body}"] += 1
            await asyncio.sleep(0.001)

    @asynccontextmanager
    async def running(self, clients: int = 4) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(clients):
                tasks.create_task(self._client())
            yield
            self._ending = True


@pytest.fixture
def runtime() -> Iterator[Path]:
    """Short enough for sockets, which pytest's own folders need not be."""
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        yield Path(folder)


@pytest.fixture
async def world(runtime: Path) -> AsyncIterator[World]:
    world = World(runtime)
    await world.ads.start()
    await world.envoy.start()
    yield world
    await world.envoy.stop()
    await world.ads.stop()
    await world.reap()


@pytest.fixture
def ports(backends: dict[str, Backend]) -> dict[str, int]:
    return {name: backend.port for name, backend in backends.items()}


@pytest.fixture
async def backends() -> AsyncIterator[dict[str, Backend]]:
    """Two versions of a service, each with a port of its own."""
    served = {name: Backend(name) for name in ("v1", "v2")}
    servers = [await serve(backend) for backend in served.values()]
    yield served
    for server, backend in zip(servers, served.values(), strict=True):
        server.close()
        await backend.close()


@pytest.fixture
def load(world: World) -> Load:
    return Load(world)


@pytest.fixture
def cluster() -> Callable[..., Cluster]:
    return _cluster


@pytest.fixture
def site() -> Site:
    return _site
