"""Takes orders, and counts those that it declines, which is no error: each is answered 200.

    PORT       where it listens
    VERSION    its header x-version
    DECLINES   the share of orders that it declines
    LOSES      the share of requests that it answers 404

`/metrics` tells Prometheus `orders_total` and `orders_declined_total`, from 0 in each process.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter

VERSION = os.environ.get("VERSION", "v1")
DECLINES = float(os.environ.get("DECLINES", "0"))
LOSES = float(os.environ.get("LOSES", "0"))
COUNTED = Counter(orders_total=0, orders_declined_total=0)


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; each request is a head without a body."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self.held = (self.held + data).split(b"\r\n\r\n")
        for head in heads:
            if head.split(b" ", 2)[1] == b"/metrics":
                self._answer("".join(f"{name} {count}\n" for name, count in COUNTED.items()))
            else:
                self._order()

    def _order(self) -> None:
        declined = random.random() < DECLINES
        COUNTED.update(orders_total=1, orders_declined_total=int(declined))
        self._answer("declined" if declined else "taken", 404 if random.random() < LOSES else 200)

    def _answer(self, body: str, status: int = 200) -> None:
        head = f"HTTP/1.1 {status} Said\r\ncontent-type: text/plain; version=0.0.4\r\nx-version: {VERSION}"
        self.transport.write(f"{head}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())


async def main() -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", int(os.environ["PORT"]))
    await ending.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
