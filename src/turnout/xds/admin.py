"""Envoy's admin interface over its unix socket: one short HTTP/1.1 exchange per question."""

from __future__ import annotations

import asyncio
from pathlib import Path

from turnout.error import EnvoyFailed

MAX_ANSWER_BYTES = 64 << 20
"""All statistics of a thousand services have 45 MB."""
TIMEOUT_SECONDS = 10.0

Answer = tuple[int, bytes]


class Admin:
    """A client that holds nothing open: every call has a connection of its own, so that calls may overlap."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    async def request(
        self, method: str, path: str, body: bytes = b"", *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> Answer:
        """HTTP status and body. Raises EnvoyFailed if nobody answers in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._exchange(method, path, body)
        except TimeoutError as error:
            raise EnvoyFailed(f"Envoy did not answer {method} {path} within {timeout_seconds:g} s") from error
        except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError) as error:
            raise EnvoyFailed(f"Envoy does not answer {method} {path}: {error}") from error

    async def _exchange(self, method: str, path: str, body: bytes) -> Answer:
        reader, writer = await asyncio.open_unix_connection(self.socket)
        try:
            head = (
                f"{method} {path} HTTP/1.1\r\nhost: envoy\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            return await _answer(reader)
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    status = int(head[0].split()[1])
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return status, await _chunks(reader)
    length = int(headers.get("content-length", "0"))
    return status, await reader.readexactly(_bounded(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        _bounded(len(body) + size)
        body += (await reader.readexactly(size + 2))[:-2]
    return bytes(body)


def _bounded(length: int) -> int:
    if length > MAX_ANSWER_BYTES:
        raise ValueError(f"the answer has more than {MAX_ANSWER_BYTES} bytes")
    return length
