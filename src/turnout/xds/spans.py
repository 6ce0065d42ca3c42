"""Where Envoy hands in its spans: HTTP on a unix socket, for one client that speaks it well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from turnout.error import EnvoyFailed
from turnout.xds.address import socket_path

MOST_BODY_BYTES = 4 << 20
"""Envoy sends a hundred spans at once, with a URL of at most 256 bytes each."""

_ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


class SpanReceiver:
    """Takes bodies in, whole, and answers at once: what becomes of them is the business of `receive`."""

    def __init__(self, socket: Path, receive: Callable[[bytes], None]) -> None:
        """Raises EnvoyFailed for a path that no socket can have."""
        self._socket = Path(socket_path(socket))
        self._receive = receive
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Binds the socket, also over one that a dead server left behind. Raises EnvoyFailed."""
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._socket)
        except OSError as error:
            raise EnvoyFailed(f"cannot listen on {self._socket}: {error}") from error
        self._socket.chmod(0o600)

    async def stop(self) -> None:
        """Hangs up. Envoy drops its spans then, until somebody listens again."""
        if self._server is None:
            return
        self._server.close()
        for writer in self._open:
            writer.close()
        await self._server.wait_closed()
        self._server = None
        self._socket.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError):
                while True:
                    self._receive(await _body(reader))
                    writer.write(_ACCEPTED)
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()


async def _body(reader: asyncio.StreamReader) -> bytes:
    """Of the next request. Raises ValueError for one that is too large, or says nothing of its length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])}
    if headers.get("transfer-encoding") == "chunked":
        return await _chunks(reader)
    return await reader.readexactly(_bounded(int(headers.get("content-length", "-1"))))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        _bounded(len(body) + size)
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return bytes(body)


def _bounded(length: int) -> int:
    if not 0 <= length <= MOST_BODY_BYTES:
        raise ValueError(f"a body of {length} bytes")
    return length
