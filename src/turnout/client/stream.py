"""Lines that come one by one, perhaps never: whoever reads them may be told to stop by another thread."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import Self

from turnout.client.connection import Connection
from turnout.error import TurnoutError


class Stream:
    """The lines of one answer, on a connection of its own; asked for when the first is wanted.

    Raises what `Connection` raises, but nothing after `close`: then the lines are simply over.
    """

    def __init__(self, connection: Connection, path: str) -> None:
        self._connection = connection
        self._closed = False
        self._lines = self._read(path)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        return next(self._lines)

    def close(self) -> None:
        """From any thread, also while another one waits for the next line."""
        self._closed = True
        self._connection.interrupt()
        with suppress(ValueError):  # the other thread is within it, and will end it
            self._lines.close()

    def _read(self, path: str) -> Generator[str]:
        try:
            response = self._connection.request("GET", path)
            if not self._closed:  # else there was no socket yet that `close` could have shut down
                yield from (line.decode(errors="replace") for line in self._connection.lines(response))
        except TurnoutError:
            if not self._closed:
                raise
        finally:
            self._connection.close()
