"""A small, fast service: answers with its version, slowly when asked to, and ends without losing a request.

    PORT       where it listens
    VERSION    what it answers
    DIES       ends at once with these last words
    RUDE       SIGTERM ends it where it stands

It never closes an idle connection by itself; on SIGTERM it listens no more, finishes what it has begun, and ends.
`/` answers at once, `/slow?seconds=2` later, `/status/500` with that status, `/pid` and `/env/NAME` say what they say;
`/flaky` answers 503 to every other request. Bodies are read and forgotten.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import sys

VERSION = os.environ.get("VERSION", "v1")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CONNECTIONS: set[Connection] = set()
FLAKES = itertools.cycle((503, 200))


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; requests one after another."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.held = b""
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        CONNECTIONS.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        CONNECTIONS.discard(self)

    def data_received(self, data: bytes) -> None:
        self.held += data
        self._next()

    def _next(self) -> None:
        while not self.busy and b"\r\n\r\n" in self.held:
            head, _, rest = self.held.partition(b"\r\n\r\n")
            length = LENGTH.search(head)
            body_bytes = int(length[1]) if length else 0
            if len(rest) < body_bytes:
                return
            self.held = rest[body_bytes:]
            self._begin(head.split(b" ", 2)[1].decode())

    def _begin(self, path: str) -> None:
        if path.startswith("/slow"):
            self.busy = True
            seconds = float(path.partition("seconds=")[2] or 2)
            asyncio.get_running_loop().call_later(seconds, self._late)
        elif path.startswith("/status/"):
            self._answer(VERSION, int(path.rpartition("/")[2]))
        elif path == "/flaky":
            self._answer(VERSION, next(FLAKES))
        elif path == "/pid":
            self._answer(str(os.getpid()))
        elif path.startswith("/env/"):
            self._answer(os.environ.get(path.rpartition("/")[2], ""))
        else:
            self._answer(VERSION)

    def _late(self) -> None:
        self.busy = False
        self._answer(VERSION)
        self._next()

    def _answer(self, body: str, status: int = 200) -> None:
        head = f"HTTP/1.1 {status} Said\r\nx-version: {VERSION}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write((head + body).encode())


async def main() -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    if "RUDE" not in os.environ:
        loop.add_signal_handler(signal.SIGTERM, ending.set)
    server = await loop.create_server(Connection, "127.0.0.1", int(os.environ["PORT"]), backlog=1024)
    say("listens")
    await ending.wait()
    server.close()
    while any(connection.busy for connection in CONNECTIONS):  # noqa: ASYNC110 - short, and nobody else waits
        await asyncio.sleep(0.01)
    say("ends")


def say(what: str) -> None:
    """Into the pod's log."""
    sys.stdout.write(f"{VERSION} {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if "DIES" in os.environ:
        sys.exit(f"dying as told, with {os.environ['DIES']}")
    asyncio.run(main())
