"""`python -m turnout.capture`: one comparison. Reads what to do as one line of JSON, and ends with its stdin.

The line: `{"config": ComparerConfig, "tally": what an earlier process had come to, or null}`. Each second it writes
one: `comparison.Comparison.line`, without the report if that is still the same; now and then, and always at the end,
with the tally.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import sys
import threading
import time
from contextlib import suppress

from turnout.capture.comparison import Comparison, Line
from turnout.capture.config import ComparerConfig
from turnout.capture.tap import Occupied, Scope, Tap, count
from turnout.delivery.comparison import record
from turnout.error import EnvoyFailed

LINE_SECONDS = 1.0
TALLY_SECONDS = 5.0
TALLY_SHARE = 0.05
"""Of the time, at most, goes into writing tallies: a large one is written less often."""
MOST_BATCHES = 16
"""That wait to be looked at. Envoy does not wait: what there is no room for is dropped, and counted."""
RETRY_SECONDS = 0.25
NICENESS = 10
"""Whoever answers users goes first."""
_OCCUPIED = "somebody else uses Envoy's tap: nothing is captured until they let go of it"


class Capture:
    """A thread that does nothing but ask Envoy for batches: what passes between two of them is lost."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self.batches: queue.Queue[bytes] = queue.Queue(MOST_BATCHES)
        self.dropped = 0
        """Answers for which nobody had time."""
        self.problem: str | None = None
        """Why nothing is captured now."""
        self._ended = False

    @property
    def share(self) -> float:
        """What part of the sample is copied and captured."""
        return self._tap.thinning.percent / 100

    def start(self) -> None:
        threading.Thread(target=lambda: asyncio.run(self._run()), name="capture", daemon=True).start()

    def stop(self) -> None:
        """No batch after this one."""
        self._ended = True

    async def _run(self) -> None:
        while not self._ended:
            try:
                batch = await self._tap.batch()
            except (Occupied, EnvoyFailed) as error:
                self.problem = _OCCUPIED if isinstance(error, Occupied) else str(error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.problem = None
            try:
                self.batches.put_nowait(batch)
            except queue.Full:
                self.dropped += count(batch)


class Comparer:
    """Looks at what was captured, and says each second what it has come to."""

    def __init__(self, capture: Capture, comparison: Comparison) -> None:
        self._capture = capture
        self._comparison = comparison
        self._tally_at = time.monotonic() + TALLY_SECONDS
        self._told: Line | None = None
        """The last report: it may be large, and is not told again."""

    def run(self, ended: threading.Event) -> None:
        """Until `ended`, and what had been captured by then has been looked at."""
        line_at = time.monotonic()
        while not ended.is_set():
            line_at += LINE_SECONDS
            while (left_seconds := line_at - time.monotonic()) > 0 and not ended.is_set():
                self._take(left_seconds)
            self._comparison.look(time.monotonic())
            self._say(with_tally=time.monotonic() >= self._tally_at)
            line_at = max(line_at, time.monotonic() - LINE_SECONDS)  # one that was stopped makes up for nothing
        while not self._capture.batches.empty():
            self._take(0.0)
        self._comparison.look(time.monotonic(), final=True)
        self._say(with_tally=True)

    def _take(self, within_seconds: float) -> None:
        with suppress(queue.Empty):
            batch = self._capture.batches.get(timeout=within_seconds)
            self._comparison.take(batch, time.monotonic())

    def _say(self, *, with_tally: bool) -> None:
        began = time.monotonic()
        line = self._comparison.line(self._capture.problem, self._capture.share, self._capture.dropped)
        if line["report"] is self._told and self._told is not None:
            del line["report"]
        else:
            self._told = line["report"]
        if with_tally:
            line["tally"] = self._comparison.record()
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        if with_tally:
            took_seconds = time.monotonic() - began
            self._tally_at = began + max(TALLY_SECONDS, took_seconds / TALLY_SHARE)


def main() -> None:
    """Ends with its stdin, and with whoever reads its stdout."""
    os.nice(NICENESS)
    told = json.loads(sys.stdin.buffer.readline())
    config = ComparerConfig.of(told["config"])
    tally = record.restored(told["tally"]) if told.get("tally") else None
    ended = threading.Event()
    threading.Thread(target=_await_end, args=(ended,), name="end", daemon=True).start()
    tap = Tap(config.admin_socket, Scope(config.sample, config.most_body_bytes))
    capture = Capture(tap)
    capture.start()
    try:
        Comparer(capture, Comparison(config, tally)).run(ended)
    except BrokenPipeError:  # nobody listens; nor shall Python try to say its last line once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    capture.stop()
    with suppress(EnvoyFailed):
        asyncio.run(tap.release())


def _await_end(ended: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):  # not through Python's buffer: its lock would still be held at the end
        pass
    ended.set()


if __name__ == "__main__":
    main()
