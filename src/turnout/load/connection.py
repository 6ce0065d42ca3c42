"""One HTTP/1.1 connection: bytes out, parsed answers in. Bodies are discarded as they stream."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol, cast

import httptools

from turnout.load.ledger import Failure

READ_BYTES = 256 * 1024
MOST_HEAD_BYTES = 1024 * 1024
_LENGTH, _ENCODING, _CONNECTION = b"content-length", b"transfer-encoding", b"connection"


class Owner(Protocol):
    """Who sends on the connection. Called once for each request sent, unless the owner closes it."""

    def answered(self, connection: Connection, answer: Answer) -> None:
        """The answer is complete."""

    def broken(self, connection: Connection, kind: Failure) -> None:
        """The connection ended before the answer was complete; `received_bytes` of it had come."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`version` is the version header's value. `reusable`: another request may follow on the connection."""

    status: int
    version: bytes | None
    reusable: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """What all connections of a run share: the request, and what matters of its answers.

    They also share one read buffer: it is parsed before the event loop reads again.
    """

    request: bytes
    head_only: bool
    version_header: bytes
    buffer: memoryview

    @classmethod
    def of(cls, request: bytes, method: str, version_header: str) -> Exchange:
        """With a read buffer of its own."""
        buffer = memoryview(bytearray(READ_BYTES))
        return cls(request, method == "HEAD", version_header.lower().encode("latin-1"), buffer)


class Connection(asyncio.BufferedProtocol):
    """Carries one request at a time. httptools calls the `on_…` methods."""

    def __init__(self, exchange: Exchange, owner: Owner) -> None:
        self._exchange = exchange
        self._owner = owner
        self._wanted = frozenset({_LENGTH, _ENCODING, _CONNECTION, exchange.version_header})
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting = False
        self._headers: dict[bytes, bytes] = {}
        self._head_done = False
        self._answer: Answer | None = None
        self.answers = 0
        self.received_bytes = 0

    # For the owner

    @property
    def open(self) -> bool:
        """A request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self) -> None:
        """Send the request. The connection must be open, and the last answer complete."""
        assert self._transport is not None
        assert not self._waiting
        self._waiting = True
        self._head_done = False
        self._answer = None
        self._headers.clear()
        self.received_bytes = 0
        self._transport.write(self._exchange.request)

    def close(self) -> None:
        """At once, and without a word to the owner."""
        self._waiting = False
        if self._transport is not None:
            self._transport.abort()

    # For asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._exchange.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self._waiting:
            self.close()  # an answer that nobody asked for
            return
        self.received_bytes += nbytes
        sound = self._parse(self._exchange.buffer[:nbytes])
        if self._answer is not None:
            self._deliver(self._answer if sound else Answer(self._answer.status, self._answer.version, reusable=False))
        elif not sound or (not self._head_done and self.received_bytes > MOST_HEAD_BYTES):
            self._fail(Failure.BAD_RESPONSE)

    def eof_received(self) -> None:
        """The transport is then closed, and `connection_lost` knows what that means."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._waiting:
            return
        if exc is None and self._head_done and self._ends_with_connection():
            self._deliver(self._read_answer(reusable=False))
        else:
            self._fail(Failure.CLOSED if exc is None else Failure.RESET)

    # For httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in self._wanted:
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        self._head_done = True
        if self._exchange.head_only and self._parser.get_status_code() >= 200:
            # The parser cannot be told that an answer to HEAD has no body whatever its headers say: start a new one.
            self._answer = self._answer or self._read_answer(reusable=not self._says_close())
            self._parser = httptools.HttpResponseParser(self)

    def on_message_complete(self) -> None:
        if self._answer is not None:
            return
        if self._parser.get_status_code() < 200:  # 100 Continue, 103 Early Hints: the answer is still to come
            self._head_done = False
            self._headers.clear()
        else:
            self._answer = self._read_answer(reusable=self._parser.should_keep_alive())

    # Inside

    def _parse(self, data: memoryview) -> bool:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return False
        return True

    def _read_answer(self, *, reusable: bool) -> Answer:
        version = self._headers.get(self._exchange.version_header)
        return Answer(self._parser.get_status_code(), version, reusable)

    def _ends_with_connection(self) -> bool:
        return _LENGTH not in self._headers and b"chunked" not in self._headers.get(_ENCODING, b"").lower()

    def _says_close(self) -> bool:
        says = self._headers.get(_CONNECTION, b"").lower()
        return b"close" in says or (self._parser.get_http_version() == "1.0" and b"keep-alive" not in says)

    def _deliver(self, answer: Answer) -> None:
        self._waiting = False
        self.answers += 1
        if not answer.reusable:
            self.close()
        self._owner.answered(self, answer)

    def _fail(self, kind: Failure) -> None:
        self.close()
        self._owner.broken(self, kind)
