"""A candidate as bad as they come, as a process of its own: it answers well, hangs, or answers with 50 MB.

Run with a port. Each SIGUSR1 is the next of `MODES`; what it is now stands in its answers' header.
"""

from __future__ import annotations

import asyncio
import signal
import sys

MODES = ("well", "hanging", "huge")
SMALL = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nv2\n"
HUGE_BYTES = 50 * 1024 * 1024
HUGE = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % HUGE_BYTES
PIECE = bytes(256 * 1024)


class Candidate:
    """`serve` answers one connection's requests, one after the other; `worse` is the next mode."""

    def __init__(self) -> None:
        self._mode = 0

    def worse(self) -> None:
        self._mode += 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                match MODES[self._mode]:
                    case "well":
                        writer.write(SMALL)
                    case "hanging":
                        await asyncio.sleep(3600)
                    case "huge":
                        await _pour(writer)
        except (OSError, EOFError):
            writer.close()


async def _pour(writer: asyncio.StreamWriter) -> None:
    writer.write(HUGE)
    for _ in range(HUGE_BYTES // len(PIECE)):
        writer.write(PIECE)
        await writer.drain()


async def main(port: int) -> None:
    """Until killed."""
    candidate = Candidate()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, candidate.worse)
    async with await asyncio.start_server(candidate.serve, "127.0.0.1", port, backlog=1024) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
