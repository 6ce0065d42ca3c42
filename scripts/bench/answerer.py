"""A server whose answers take their time, as a process of its own: each a little, some a lot.

Run with ports, it answers on each of them. How long an answer takes is drawn from a log-normal distribution, so that
latencies fill as many of Envoy's buckets as those of a real service.
"""

from __future__ import annotations

import asyncio
import sys
from random import Random

MEDIAN_SECONDS = 0.01
SPREAD = 0.7
"""Of the logarithm: one answer in a hundred takes five times the median."""
LONGEST_SECONDS = 1.0
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n"


def draw(chance: Random) -> float:
    """Seconds."""
    return min(MEDIAN_SECONDS * chance.lognormvariate(0, SPREAD), LONGEST_SECONDS)


class Connection(asyncio.Protocol):
    """Requests without bodies, one after the other."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            asyncio.get_running_loop().call_later(draw(self._chance), self._transport.write, ANSWER)


async def serve(ports: list[int]) -> None:
    """Until killed."""
    loop, chance = asyncio.get_running_loop(), Random(1)
    for port in ports:
        await loop.create_server(lambda: Connection(chance), "127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve([int(port) for port in sys.argv[1:]]))
