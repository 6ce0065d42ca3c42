"""A client's connection, bounded: how many there are, and how large and how slow a request's head may be.

The token is in the head, so whoever has none gets this far, and no further.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from turnout.apiserver.listener import MAX_CONNECTIONS

MAX_OPEN = 2 * MAX_CONNECTIONS
"""From `MAX_CONNECTIONS` on, requests are answered with 503; from here on nobody is listened to."""

MAX_HEAD_BYTES = 512 << 10
"""More than one read of a socket, which may hold a part of the body, too."""

HEAD_SECONDS = 10.0


class Connection(HttpToolsProtocol):
    """uvicorn's, which by itself waits for ever, and keeps whatever comes."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes: int | None = 0
        """What has come of a head; None while there is a body to come."""
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        if len(self.connections) > MAX_OPEN:
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.abort()
                return
            self._wait()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
