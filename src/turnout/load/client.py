"""One client: a connection of its own, at most one request in flight."""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol

from turnout.load.connection import Answer, Connection, Exchange
from turnout.load.ledger import Failure, Ledger
from turnout.load.target import Dialer

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.5


class Crew(Protocol):
    """Where clients come from, and return to."""

    ledger: Ledger
    exchange: Exchange
    dialer: Dialer
    retries: bool

    def now(self) -> float:
        """Seconds since the run began."""

    def finished(self, client: Client, now: float) -> None:
        """The client's request has its answer or its error, and is counted."""


class Client:
    """Sends one request when told so, keeps its connection open, and opens a new one where it must."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._intended = 0.0
        self._begun = 0.0
        self._retried = False
        self._errors_in_a_row = 0
        self.busy = False

    @property
    def pause_seconds(self) -> float:
        """Before the next request of a closed loop: a refused connection must not become a busy loop."""
        if not self._errors_in_a_row:
            return 0.0
        growing: float = FIRST_PAUSE_SECONDS * 2.0 ** min(self._errors_in_a_row - 1, 10)
        return min(growing, LONGEST_PAUSE_SECONDS)

    def begin(self, intended: float, now: float) -> None:
        """Start a request; its latency counts from `intended`."""
        assert not self.busy
        self.busy = True
        self._intended = intended
        self._begun = now
        self._retried = False
        self._crew.ledger.start(now - intended)
        self._send()

    def expire(self, begun_before: float) -> None:
        """Give the request up as timed out, if it began before then."""
        if self.busy and self._begun < begun_before:
            received_bytes = self._connection.received_bytes if self._connection is not None else 0
            self._drop()
            self._fail(Failure.TIMEOUT, received_bytes)

    def abandon(self) -> None:
        """Leave the request unfinished, if there is one, and close the connection."""
        self._drop()
        self.busy = False

    def answered(self, connection: Connection, answer: Answer) -> None:
        """Called by the connection."""
        now = self._crew.now()
        self._errors_in_a_row = 0
        self.busy = False
        if not answer.reusable:
            self._connection = None
        self._crew.ledger.answer(answer.status, answer.version, now - self._intended, connection.received_bytes)
        self._crew.finished(self, now)

    def broken(self, connection: Connection, kind: Failure) -> None:
        """Called by the connection."""
        self._connection = None
        if self._was_stale(connection, kind):
            self._retried = True
            self._crew.ledger.retried += 1
            self._connect()
        else:
            self._fail(kind, connection.received_bytes)

    def _was_stale(self, connection: Connection, kind: Failure) -> bool:
        """The server closed the idle connection while the request was under way: as browsers do, try once more.

        Only where the server cannot have done anything twice (RFC 9110, 9.2.2), and nothing was answered.
        """
        ended = kind in {Failure.CLOSED, Failure.RESET}
        unheard = connection.answers > 0 and connection.received_bytes == 0
        return ended and unheard and self._crew.retries and not self._retried

    def _send(self) -> None:
        if self._connection is not None and self._connection.open:
            self._connection.send()
        else:
            self._connect()

    def _connect(self) -> None:
        self._connecting = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        crew = self._crew
        try:
            connection = await crew.dialer.connect(lambda: Connection(crew.exchange, self))
        except OSError as error:
            self._connecting = None
            self._fail(_why(error), 0)
            return
        self._connecting = None
        crew.ledger.connections += 1
        self._connection = connection
        if connection.open:
            connection.send()
        else:  # closed by the server right away
            self._connection = None
            self._fail(Failure.CLOSED, 0)

    def _drop(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fail(self, kind: Failure, received_bytes: int) -> None:
        now = self._crew.now()
        self._errors_in_a_row += 1
        self.busy = False
        self._crew.ledger.error(kind, now - self._intended, received_bytes)
        self._crew.finished(self, now)


def _why(error: OSError) -> Failure:
    """Why no connection could be opened."""
    if isinstance(error, ConnectionRefusedError):
        return Failure.REFUSED
    return Failure.TLS if isinstance(error, ssl.SSLError) else Failure.UNREACHABLE
