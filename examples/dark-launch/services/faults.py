"""Ways for a candidate to misbehave. Each gets the connection that a request came in on, and ends when that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from http1 import Server, ServerConnection

HUGE_BODY_BYTES = 50 * 1024 * 1024
CHUNK = b"." * (256 * 1024)
DRIP_SECONDS = 0.1


async def dead(server: Server, _: ServerConnection) -> None:
    """Healthy until the first request; from then on the port refuses connections."""
    server.stop_listening()


async def hang(_: Server, connection: ServerConnection) -> None:
    """No answer, ever."""
    await asyncio.Event().wait()


async def drip(_: Server, connection: ServerConnection) -> None:
    """Ten bytes a second, of a body that would take days."""
    connection.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n")
    while True:
        connection.transport.write(b".")
        await asyncio.sleep(DRIP_SECONDS)


async def reset(_: Server, connection: ServerConnection) -> None:
    """The connection breaks."""
    connection.transport.abort()


async def huge(_: Server, connection: ServerConnection) -> None:
    """50 MB, no faster than they are taken: this process stays small."""
    connection.transport.write(f"HTTP/1.1 200 OK\r\ncontent-length: {HUGE_BODY_BYTES}\r\n\r\n".encode())
    for _chunk in range(HUGE_BODY_BYTES // len(CHUNK)):
        await connection.writable.wait()
        connection.transport.write(CHUNK)


FAULTS: dict[str, Callable[[Server, ServerConnection], Awaitable[None]]] = {
    "dead": dead,
    "hang": hang,
    "drip": drip,
    "reset": reset,
    "huge": huge,
}
