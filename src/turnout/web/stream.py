"""Lines of the API that come one by one: each stream is opened once for all browsers that read it, in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from turnout.client import Client
from turnout.client.stream import Stream
from turnout.error import ApiError, TurnoutError
from turnout.web.feed import TIMEOUT_SECONDS, Question
from turnout.web.opening import Opening

KEPT_LINES = 2000
"""Of each stream, for whoever comes later; and as many at most between two batches, the latest."""
BATCH_SECONDS = 0.15
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Batch:
    """What has come since the last one. `anew`: what was shown before is to be forgotten."""

    lines: Sequence[str]
    missed: int = 0
    anew: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Reader:
    """Somebody who reads; neither raises. `fail` gets what the API refuses, and nothing follows."""

    show: Callable[[Batch], None]
    fail: Callable[[ApiError], None]


class Streams:
    """All that is read of one instance. A stream is closed when its last reader leaves."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._open: dict[Question, _Flow] = {}

    def read(self, view: str, query: Mapping[str, str], reader: Reader) -> Callable[[], None]:
        """What is kept is shown at once, then what comes, until what is returned is called."""
        question = (view, tuple(sorted(query.items())))
        flow = self._open.get(question)
        if flow is None or flow.refused:
            flow = self._open[question] = _Flow(self._opening, question)
        flow.add(reader)

        def leave() -> None:
            if flow.remove(reader) and self._open.get(question) is flow:
                del self._open[question]

        return leave


class _Flow:
    """One stream. Its thread only reads; everything else happens in the loop."""

    def __init__(self, opening: Opening, question: Question) -> None:
        self._opening = opening
        self._question = question
        self._readers: list[Reader] = []
        self._kept: deque[str] = deque(maxlen=KEPT_LINES)
        self._loop = asyncio.get_running_loop()
        self._over = threading.Event()
        self._stream: Stream | None = None
        self._lock = threading.Lock()
        self._come: deque[str] = deque(maxlen=KEPT_LINES)
        self._count = 0
        self._flushing = False
        self._anew = False
        self.refused = False
        # A daemon: the process may end while it waits for a line.
        threading.Thread(target=self._read, name=f"stream {question[0]}", daemon=True).start()

    def add(self, reader: Reader) -> None:
        self._readers.append(reader)
        reader.show(Batch(tuple(self._kept), anew=True))

    def remove(self, reader: Reader) -> bool:
        """Whether nobody reads any more."""
        if reader in self._readers:
            self._readers.remove(reader)
        if not self._readers:
            self._over.set()
            with self._lock:
                if self._stream is not None:
                    self._stream.close()
        return not self._readers

    # --- in the thread

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                with self._opening(TIMEOUT_SECONDS) as client:
                    self._read_from(client)
            except ApiError as error:
                self._call(self._refuse, error)
                return
            except TurnoutError:
                pass  # the frame says that the connection is lost, and when it is there again
            self._over.wait(RETRY_SECONDS)

    def _read_from(self, client: Client) -> None:
        view, query = self._question
        with self._lock:
            self._stream = client.stream(view, **dict(query))
            self._come.clear()
            self._count, self._anew = 0, True
        if self._over.is_set():  # set before there was a stream to close
            self._stream.close()
        for line in self._stream:
            with self._lock:
                self._come.append(line)
                self._count += 1
                flush, self._flushing = not self._flushing, True
            if flush:
                self._call(self._flush_later)

    def _call(self, what: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process ends
            self._loop.call_soon_threadsafe(what, *arguments)

    # --- in the loop

    def _flush_later(self) -> None:
        self._loop.call_later(BATCH_SECONDS, self._flush)

    def _flush(self) -> None:
        with self._lock:
            lines, missed, anew = tuple(self._come), self._count - len(self._come), self._anew
            self._come.clear()
            self._count, self._flushing, self._anew = 0, False, False
        if anew:
            self._kept.clear()
        self._kept.extend(lines)
        for reader in list(self._readers):
            reader.show(Batch(lines, missed, anew))

    def _refuse(self, error: ApiError) -> None:
        self.refused = True
        for reader in list(self._readers):
            reader.fail(error)
