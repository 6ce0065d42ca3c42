"""Answers JSON: a random number, and what the version says of itself.

    PORT       where it listens
    VERSION    `version` in the answer, and its header x-version
    ODD        what is wrong with it: errors (500 to 1 in 20), late (by 30 ms), field (another value), missing (a field
               of 1 in 20 answers), type (of the content)

Users' ids are secret: `token` is another in each answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal

VERSION = os.environ.get("VERSION", "v1")
ODD = os.environ.get("ODD", "")
SOMETIMES = 0.05
LATE_SECONDS = 0.03


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
            if ODD == "late":
                asyncio.get_running_loop().call_later(LATE_SECONDS, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        failed = ODD == "errors" and random.random() < SOMETIMES
        body = json.dumps(answer()).encode()
        kind = "text/plain" if ODD == "type" else "application/json"
        head = f"HTTP/1.1 {500 if failed else 200} Said\r\ncontent-type: {kind}\r\nx-version: {VERSION}"
        self.transport.write(f"{head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)


def answer() -> dict[str, object]:
    number = random.randrange(10_000)
    user = {"name": "Bob" if ODD == "field" else "Ada", "token": f"secret-{number}"}
    if ODD == "missing" and random.random() < SOMETIMES:
        return {"number": number, "version": VERSION}
    return {"number": number, "version": VERSION, "user": user}


async def main() -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", int(os.environ["PORT"]))
    await ending.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
