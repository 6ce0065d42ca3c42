"""Answers JSON: a random number, and what the version says of itself.

    PORT       where it listens
    VERSION    `version` in the answer, and its header x-version

Users' ids are secret: `token` is another in each answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal

VERSION = os.environ.get("VERSION", "v1")


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
        for _ in heads:
            body = json.dumps(answer()).encode()
            kind = f"content-type: application/json\r\nx-version: {VERSION}"
            head = f"HTTP/1.1 200 OK\r\n{kind}\r\ncontent-length: {len(body)}\r\n\r\n"
            self.transport.write(head.encode() + body)


def answer() -> dict[str, object]:
    number = random.randrange(10_000)
    return {"number": number, "version": VERSION, "user": {"name": "Ada", "token": f"secret-{number}"}}


async def main() -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", int(os.environ["PORT"]))
    await ending.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
