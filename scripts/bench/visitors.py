"""Users of many routes at once, as a process of its own: each sends a request, waits for its answer, and rests.

Run with a port, a host, a number of routes and a rate, they ask for `/0`, `/1`, … in turn, so many times a second
together.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from itertools import cycle

VISITORS = 50


async def visit(port: int, host: str, paths: Iterator[int], every_seconds: float) -> None:
    """On one connection, until killed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        writer.write(f"GET /{next(paths)} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(head.decode())
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        due = max(due + every_seconds, clock())
        await asyncio.sleep(due - clock())


async def visit_together(port: int, host: str, routes: int, rate: float) -> None:
    """All of them, until one fails."""
    paths = cycle(range(routes))
    await asyncio.gather(*(visit(port, host, paths, VISITORS / rate) for _ in range(VISITORS)))


if __name__ == "__main__":
    asyncio.run(visit_together(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
