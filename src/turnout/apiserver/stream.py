"""Answers without an end: watches and logs. Few enough, ended by their reader, their deadline, or the server's stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from turnout.apiserver.status import StatusError

MAX_STREAMS = 200
IDLE_SECONDS = 30.0

Lines = AsyncGenerator[bytes, None]


class Streams:
    """All open streams of a server."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._open = 0

    def stop(self) -> None:
        """End every stream, as if its last item had come."""
        self._stopping.set()

    def answer(
        self,
        lines: Lines,
        media_type: str,
        *,
        seconds: float | None = None,
        idle: Callable[[], bytes] | None = None,
    ) -> StreamingResponse:
        """Stream `lines` for at most `seconds`; where none came for a while, what `idle` says.

        Raises StatusError 429 when too many are open.
        """
        if self._open >= MAX_STREAMS:
            raise StatusError(429, "TooManyRequests", f"{MAX_STREAMS} watches are open; try again later")
        pump = _Pump(lines, self._stopping, seconds, idle)
        return _Stream(self, pump, media_type)

    def opened(self) -> None:
        self._open += 1

    def closed(self) -> None:
        self._open -= 1


class _Pump:
    """The lines until the deadline or the server's stop.

    Each line is awaited in a task of its own, so that waiting can end without ending the lines; `close` does that.
    """

    def __init__(
        self, lines: Lines, stopping: asyncio.Event, seconds: float | None, idle: Callable[[], bytes] | None
    ) -> None:
        self._lines = lines
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + seconds if seconds is not None else float("inf")
        self._stop = asyncio.create_task(stopping.wait())
        self._line = asyncio.create_task(_next(lines))

    async def items(self) -> Lines:
        while not self._stop.done() and (left := self._end - self._loop.time()) > 0:
            wait = min(left, IDLE_SECONDS)
            await asyncio.wait(self._waiting(), timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            if self._line.done():
                text = self._line.result()
                if text is None:
                    return
                yield text
                self._line = asyncio.create_task(_next(self._lines))
            elif self._idle is not None and not self._stop.done():
                yield self._idle()

    async def close(self) -> None:
        """End the lines, wherever they are."""
        waiting = self._waiting()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self._lines.aclose()

    def _waiting(self) -> tuple[asyncio.Task[Any], ...]:
        return self._line, self._stop


class _Stream(StreamingResponse):
    """Counted from its first byte to its last, and closed at once when its reader is gone."""

    def __init__(self, streams: Streams, pump: _Pump, media_type: str) -> None:
        super().__init__(pump.items(), media_type=media_type)
        self._streams = streams
        self._pump = pump

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._streams.opened()
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Not in `items`: there a reader's going away cancels whatever is awaited.
            self._streams.closed()
            await self._pump.close()


async def _next(lines: Lines) -> bytes | None:
    """None at the end: a StopAsyncIteration is awkward in a task."""
    return await anext(lines, None)
