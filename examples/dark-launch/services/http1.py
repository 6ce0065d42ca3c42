"""HTTP/1.1 for the three services, on asyncio alone: a server, a client, both with connections that stay open.

Just enough of it: bodies have a Content-Length (or there are none), everything has a bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http.client import responses as phrases
from urllib.parse import urlsplit

HEAD_LIMIT_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 1024 * 1024
IDLE_CONNECTIONS = 64
CALL_TIMEOUT_SECONDS = 10.0
FINISH_SECONDS = 5.0

# What a service passes on, so that the hops of one request can be put together again: the W3C's and Zipkin's headers.
TRACE_HEADERS = (
    "traceparent",
    "tracestate",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-request-id",
)
# And in which form its caller wants the answer.
PASSED_ON = (*TRACE_HEADERS, "accept")


class MessageError(Exception):
    """The other side speaks something else than the HTTP understood here."""


@dataclass(frozen=True, slots=True)
class Request:
    """Header names are lower-case."""

    method: str
    path: str
    headers: dict[str, str]

    def passed_on(self) -> dict[str, str]:
        """The headers of every call made for this request."""
        return {name: self.headers[name] for name in PASSED_ON if name in self.headers}


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def passed_on(self, by: str) -> Response:
        """To whoever asked `by`: text says so, anything else stays as it is."""
        kind = self.headers.get("content-type", "text/plain")
        told = f"{by} => ".encode() if kind == "text/plain" else b""
        return Response(self.status, told + self.body, {"content-type": kind})


Handler = Callable[[Request, "ServerConnection"], Awaitable[Response | None]]
"""None: the handler has dealt with the connection itself."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response as it was read: `start` is its first line."""

    start: str
    headers: dict[str, str]
    body: bytes


class Reader:
    """Bytes in, whole messages out."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.head: tuple[str, dict[str, str]] | None = None
        self.body_length = 0

    def feed(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) > HEAD_LIMIT_BYTES + BODY_LIMIT_BYTES:
            raise MessageError("too much at once")

    def next(self) -> Message | None:
        """The next whole message, None while it is not there yet. Raises MessageError."""
        if self.head is None and not self.read_head():
            return None
        if self.head is None or len(self.buffer) < self.body_length:
            return None
        (start, headers), self.head = self.head, None
        body = bytes(self.buffer[: self.body_length])
        del self.buffer[: self.body_length]
        return Message(start, headers, body)

    def read_head(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > HEAD_LIMIT_BYTES:
                raise MessageError("head too long")
            return False
        start, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
        del self.buffer[: end + 4]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.head, self.body_length = (start, headers), body_length(headers)
        return True


def body_length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise MessageError("chunked bodies are not read")
    text = headers.get("content-length", "0")
    if not text.isdigit() or int(text) > BODY_LIMIT_BYTES:
        raise MessageError(f"content-length {text}")
    return int(text)


def encode(start: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{start}\r\n{lines}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body


class ServerConnection(asyncio.Protocol):
    """One connection: its requests are answered one after the other."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.reader = Reader()
        self.writable = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.writable.set()
        self.server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.closed(self)
        if self.task:
            self.task.cancel()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self.reader.feed(data)
            self.answer_next()
        except MessageError as error:
            self.transport.write(encode("HTTP/1.1 400 Bad Request", {"connection": "close"}, str(error).encode()))
            self.transport.close()

    def answer_next(self) -> None:
        """Starts on the next request unless one is being answered; what came early waits in the reader."""
        if self.task is None and (message := self.reader.next()):
            method, path, _ = (message.start + "  ").split(" ", 2)
            request = Request(method, path, message.headers)
            self.task = asyncio.get_running_loop().create_task(self.answer(request))

    async def answer(self, request: Request) -> None:
        try:
            response = await self.server.handler(request, self)
        except (OSError, MessageError) as error:
            response = Response(503, f"{error}\n".encode())
        if response is not None:
            self.send(request, response)
        self.task = None
        if not self.closing:
            self.data_received(b"")

    def send(self, request: Request, response: Response) -> None:
        close = self.closing or request.headers.get("connection", "").lower() == "close"
        extra = {"connection": "close"} if close else {}
        body = b"" if request.method == "HEAD" else response.body
        start = f"HTTP/1.1 {response.status} {phrases.get(response.status, '')}"
        self.transport.write(encode(start, {"content-type": "text/plain"} | response.headers | extra, body))
        if close:
            self.transport.close()

    def close_when_idle(self) -> None:
        self.closing = True
        if self.task is None:
            self.transport.close()


class ClientConnection(asyncio.Protocol):
    """One connection to the proxy (or the service): one call at a time."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.answer: asyncio.Future[Response] | None = None
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self.fail(exc or ConnectionResetError("connection closed before the answer came"))

    def data_received(self, data: bytes) -> None:
        try:
            self.reader.feed(data)
            if message := self.reader.next():
                self.deliver(message)
        except (MessageError, ValueError, IndexError) as error:
            self.fail(MessageError(str(error)))
            self.transport.abort()

    def deliver(self, message: Message) -> None:
        status = int(message.start.split(" ")[1])
        if message.headers.get("connection", "").lower() == "close":
            self.open = False
            self.transport.close()
        if self.answer and not self.answer.done():
            self.answer.set_result(Response(status, message.body, message.headers))

    def fail(self, error: Exception) -> None:
        if self.answer and not self.answer.done():
            self.answer.set_exception(error)

    async def call(self, request: bytes) -> Response:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        try:
            async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
                return await self.answer
        finally:
            self.answer = None


class Client:
    """GETs, through the proxy that `http_proxy` names, as a service in the mesh makes them."""

    def __init__(self) -> None:
        self.proxy = os.environ.get("http_proxy", "")
        self.idle: dict[tuple[str, int], deque[ClientConnection]] = {}

    async def get(self, url: str, headers: dict[str, str]) -> Response:
        """Raises OSError (a TimeoutError is one) and MessageError."""
        parts = urlsplit(url)
        via = urlsplit(self.proxy) if self.proxy else parts
        target = url if self.proxy else parts.path or "/"
        request = encode(f"GET {target} HTTP/1.1", {"host": parts.netloc} | headers, b"")
        return await self.exchange((via.hostname or "localhost", via.port or 80), request)

    async def exchange(self, address: tuple[str, int], request: bytes) -> Response:
        connection = self.take(address)
        if connection:
            try:
                return await self.call(address, connection, request)
            except ConnectionError:
                pass  # the other side closed it while it was idle; a GET may be sent again
        _, connection = await asyncio.get_running_loop().create_connection(ClientConnection, *address)
        return await self.call(address, connection, request)

    async def call(self, address: tuple[str, int], connection: ClientConnection, request: bytes) -> Response:
        try:
            response = await connection.call(request)
        except BaseException:
            connection.transport.abort()  # half an exchange is on it: nobody may use it again
            raise
        idle = self.idle.setdefault(address, deque())
        if len(idle) < IDLE_CONNECTIONS:
            idle.append(connection)
        else:
            connection.transport.close()
        return response

    def take(self, address: tuple[str, int]) -> ClientConnection | None:
        idle = self.idle.get(address, deque())
        while idle:
            connection = idle.pop()
            if connection.open:
                return connection
        return None


class Server:
    """Listens on PORT until SIGTERM or Ctrl-C, then answers what it has begun and ends."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[ServerConnection] = set()
        self.empty = asyncio.Event()
        self.empty.set()
        self.listener: asyncio.Server | None = None

    def stop_listening(self) -> None:
        """New connections are refused from now on, and the open ones are gone."""
        if self.listener:
            self.listener.close()
        for connection in list(self.connections):
            connection.transport.abort()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        # In a pod the sidecar comes in through the pod's own address; on a laptop nobody else should get in.
        host = "0.0.0.0" if "KUBERNETES_SERVICE_HOST" in os.environ else "127.0.0.1"
        port = int(os.environ.get("PORT", "8080"))
        self.listener = await loop.create_server(self.connection, host, port, backlog=1024)
        sys.stderr.write(f"listening on {host}:{port}\n")
        await stop.wait()
        self.listener.close()
        await self.finish()

    def connection(self) -> ServerConnection:
        return ServerConnection(self)

    def opened(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        self.empty.clear()

    def closed(self, connection: ServerConnection) -> None:
        self.connections.discard(connection)
        if not self.connections:
            self.empty.set()

    async def finish(self) -> None:
        for connection in list(self.connections):
            connection.close_when_idle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                await self.empty.wait()
        for connection in list(self.connections):
            connection.transport.abort()


def serve(handler: Handler) -> None:
    asyncio.run(Server(handler).run())
