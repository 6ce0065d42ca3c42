"""Manifests served by a real Envoy in front of small servers that say what they received."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.compiler.world import manifests

from turnout.compiler.compile import compile
from turnout.mesh import gateway_servers, mesh
from turnout.mesh.proxy import Egress, Ingress, Proxy
from turnout.mesh.service import Instance, InstancePort
from turnout.resources.core import Deployment
from turnout.xds.ads import AdsServer
from turnout.xds.envoy import Envoy
from turnout.xds.watch import Rejection

_FLAGS = re.compile(r"series\.(?:[^;\n]*;){4}(\d+);([^;\n]+);.*: (\d+)")


@dataclass(frozen=True)
class Answer:
    """What a client got. `by`: the server that answered, empty when Envoy did; `request`: as the server received it."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def request(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.body)
        return found

    @property
    def by(self) -> str:
        return str(self.request["by"]) if self.body.startswith("{") else ""


class Upstream:
    """Answers with what it received; `x-answer: 503` and `x-delay: 0.2` in a request say how.

    `tls`: what it speaks TLS with, if it does; then `asked` is whom its clients asked for.
    """

    def __init__(self, name: str, tls: ssl.SSLContext | None = None) -> None:
        self.name = name
        self.asked: list[str | None] = []
        self._tls = tls
        if tls:
            tls.sni_callback = lambda _, name, __: self.asked.append(name)
        self.port = 0
        self.received: list[dict[str, Any]] = []
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        shown = writer.get_extra_info("peercert") or {}
        names = [value for _, value in shown.get("subjectAltName", ())]
        with suppress(OSError, EOFError):
            while True:
                await self._answer(reader, writer, names)
        self._open.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, names: list[str]) -> None:
        start, headers = _head(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = start.split()
        request = {"by": self.name, "method": method, "path": path, "headers": headers, "client": names}
        self.received.append(request)
        await asyncio.sleep(float(headers.get("x-delay", "0")))
        body = json.dumps(request).encode()
        writer.write(
            f"HTTP/1.1 {headers.get('x-answer', '200')} X\r\nx-upstream: {self.name}\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()


@dataclass
class Proxied:
    """One Envoy for many tests: each applies manifests of its own. A Deployment called `dead…` refuses connections."""

    runtime: Path
    upstreams: dict[str, Upstream] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    secured: dict[str, ssl.SSLContext] = field(default_factory=dict)
    """By namespace and name: Deployments that speak TLS."""
    _ports: dict[str, int] = field(default_factory=dict)

    async def start(self) -> None:
        socket_path = self.runtime / "ads.sock"
        self.ads = AdsServer(socket_path, on_rejection=self.rejections.append)
        self.envoy = Envoy(
            ads_socket=socket_path,
            runtime=self.runtime,
            log=self.runtime / "envoy.log",
            concurrency=1,
            node="test",
            drain_seconds=0.5,
        )
        await self.ads.start()
        await self.envoy.start()

    async def stop(self) -> None:
        await self.envoy.stop()
        await self.ads.stop()
        for upstream in self.upstreams.values():
            await upstream.stop()

    async def apply(
        self,
        *texts: str,
        sampling_percent: float = 1.0,
        files: Mapping[str, str] | None = None,
        https_port: int = 0,
    ) -> None:
        """Until Envoy serves the manifests; asserts that it refuses nothing.

        `sampling_percent`: of requests traced; `files`: certificates by path; `https_port`: where 443 is said to be.
        """
        read_in = manifests(*((f"{index}.yaml", text) for index, text in enumerate(texts)))
        deployments = [r for r in read_in.resources if isinstance(r, Deployment)]
        built = mesh.build(read_in.resources, [await self._instance(d) for d in deployments], files)
        ports = sorted(gateway_servers.ports(built))
        proxies: list[Proxy] = [Ingress(port, self._port(f"gateway {port}"), https_port=https_port) for port in ports]
        proxies += [
            Egress(d.metadata.namespace, d.metadata.name, self._port(_key(d)), d.spec.template.metadata.labels)
            for d in deployments
        ]
        config = compile(built, proxies, sampling_percent=sampling_percent)
        async with asyncio.timeout(15):
            assert await self.ads.publish(config).acknowledged() == []
        for upstream in self.upstreams.values():
            upstream.received.clear()

    async def _instance(self, deployment: Deployment) -> Instance:
        meta, name = deployment.metadata, _key(deployment)
        if meta.name.startswith("dead"):
            port = self._port(f"{name} listens")
        else:
            if name not in self.upstreams:
                self.upstreams[name] = Upstream(meta.name, self.secured.get(name))
                await self.upstreams[name].start()
            port = self.upstreams[name].port
        labels = deployment.spec.template.metadata.labels
        return Instance(meta.namespace, meta.name, f"{meta.name}-1", "127.0.0.1", (InstancePort(8080, port),), labels)

    def _port(self, what: str) -> int:
        if what not in self._ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._ports[what] = int(probe.getsockname()[1])
        return self._ports[what]

    def listens(self, port: int) -> int:
        """Where a gateway's port really is."""
        return self._ports[f"gateway {port}"]

    async def until_received(self, name: str, number: int) -> list[dict[str, Any]]:
        """What a server received, once it is so many requests: copies arrive after the answer."""
        async with asyncio.timeout(5):
            while len(self.received(name)) < number:  # noqa: ASYNC110 - it comes true in another process
                await asyncio.sleep(0.005)
        return self.received(name)

    def received(self, name: str) -> list[dict[str, Any]]:
        return self.upstreams[f"default/{name}"].received

    async def ask(self, url: str, method: str = "GET", port: int = 80, **headers: str) -> Answer:
        """A client outside, through the gateway's port. `url`: host and path; `_` in header names stands for `-`."""
        host, _, path = url.partition("/")
        return await self._send(f"gateway {port}", method, f"/{path}", {"host": host} | headers)

    async def call(self, url: str, caller: str = "default/app", method: str = "GET", **headers: str) -> Answer:
        """A workload, through its forward proxy."""
        host = url.partition("/")[0]
        return await self._send(caller, method, f"http://{url}", {"host": host} | headers)

    async def _send(self, proxy: str, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._ports[proxy])
        try:
            lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([f"{method} {target} HTTP/1.1", *lines, "connection: close", "", ""]).encode())
            async with asyncio.timeout(10):
                start, found = _head(await reader.readuntil(b"\r\n\r\n"))
                length = int(found.get("content-length", "0")) if method != "HEAD" else 0
                return Answer(int(start.split()[1]), found, (await reader.readexactly(length)).decode())
        finally:
            writer.close()

    async def flags(self) -> Counter[str]:
        """What Envoy noted of the requests since the last `forget`: `503 NC`."""
        _, body = await self.envoy.admin("GET", "/stats?filter=istio_requests_total")
        found: Counter[str] = Counter()
        for code, flags, count in _FLAGS.findall(body.decode()):
            found[f"{code} {flags}"] += int(count)
        return +found

    async def forget(self) -> None:
        await self.envoy.admin("POST", "/reset_counters")


def _key(deployment: Deployment) -> str:
    return f"{deployment.metadata.namespace}/{deployment.metadata.name}"


def _head(head: bytes) -> tuple[str, dict[str, str]]:
    start, *lines = head.decode().rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    found: dict[str, str] = {}
    for name, _, value in pairs:
        key = name.strip().lower()
        found[key] = f"{found[key]},{value.strip()}" if key in found else value.strip()
    return start, found
