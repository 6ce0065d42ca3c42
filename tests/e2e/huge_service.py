"""Answers with its version, or with 50 MB.

PORT       where it listens
VERSION    what it answers
HUGE       if it is set, copies are answered with 50 MB
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

VERSION = os.environ.get("VERSION", "v1").encode()
HUGE_BYTES = 50 * 1024 * 1024
PIECE = bytes(256 * 1024)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, EOFError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            if "HUGE" in os.environ and b"x-turnout-mirror" in head:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % HUGE_BYTES)
                for _ in range(HUGE_BYTES // len(PIECE)):
                    writer.write(PIECE)
                    await writer.drain()
            else:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(VERSION), VERSION))
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(os.environ["PORT"]), backlog=1024)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
