"""A stand-in: a server that plays one pod, remembers what it received, and answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from turnout.testing.received import Headers, Pod, Received

MARK = "x-turnout-stand-in"
"""In an answer: `<name of the pod>#<serial of the request>`, so that what was received is found again."""
MOST_REMEMBERED = 100_000
MAX_BODY_BYTES = 16 << 20
HEAD_BYTES = 256 << 10
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How requests are answered. `body` None: as JSON, who answered and what had arrived.

    `refuses`: nobody listens. `hangs_up`: connections end without an answer.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after_seconds: float = 0.0
    refuses: bool = False
    hangs_up: bool = False


class StandIn:
    """One pod on a port of its own; its methods are for the loop that it serves in."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.port = 0
        self.received: dict[int, Received] = {}
        """By number. A test's thread looks things up while the loop adds to it: whole, or by number."""
        self._serial = 0
        self._behaviour = Behaviour()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, _LOOPBACK, self.port, limit=HEAD_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Nobody listens any more, and connections end."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def behave(self, behaviour: Behaviour) -> None:
        """From the next request on."""
        self._behaviour = behaviour
        if behaviour.refuses:
            await self.stop()
        elif self._server is None:
            await self.start()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, EOFError, asyncio.LimitOverrunError, ValueError, IndexError):
                while await self._exchange(reader, writer):
                    await writer.drain()
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer. False: the connection is to be ended."""
        received = await _request(reader, self.pod)
        serial = self._remember(received)
        behaviour = self._behaviour
        if behaviour.hangs_up:
            return False
        if behaviour.after_seconds:
            await asyncio.sleep(behaviour.after_seconds)
        writer.write(_answer(received, behaviour, f"{self.pod.namespace}/{self.pod.name}#{serial}"))
        return True

    def _remember(self, received: Received) -> int:
        self._serial += 1
        self.received[self._serial] = received
        self.received.pop(self._serial - MOST_REMEMBERED, None)
        return self._serial


async def _request(reader: asyncio.StreamReader, pod: Pod) -> Received:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    fields = (line.partition(":") for line in lines[1:] if line)
    headers = Headers((name, value.strip()) for name, _, value in fields)
    return Received(pod, method, path, headers, await _body(reader, headers), asyncio.get_running_loop().time())


async def _body(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(_bounded(int(headers.get("content-length", "0"))))
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        _bounded(len(body) + size)
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return bytes(body)


def _bounded(length: int) -> int:
    if not 0 <= length <= MAX_BODY_BYTES:
        raise ValueError(f"a body of {length} bytes")
    return length


def _answer(received: Received, behaviour: Behaviour, mark: str) -> bytes:
    body = _account(received) if behaviour.body is None else behaviour.body
    given = {name.lower(): value for name, value in behaviour.headers.items()}
    kind = {"content-type": "application/json"} if behaviour.body is None else {}
    bodiless = behaviour.status < 200 or behaviour.status in (204, 304)
    length = {} if bodiless else {"content-length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in {**kind, **given, **length, MARK: mark}.items()]
    head = "\r\n".join([f"HTTP/1.1 {behaviour.status} {_phrase(behaviour.status)}", *lines, "", ""])
    return head.encode("latin-1") + (b"" if bodiless or received.method == "HEAD" else body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Answered"


def _account(received: Received) -> bytes:
    """Who answered, and what had arrived."""
    return json.dumps(
        {
            "workload": received.workload,
            "version": received.version,
            "pod": received.pod.name,
            "method": received.method,
            "path": received.path,
            "host": received.host,
            "headers": dict(received.headers),
        }
    ).encode()
