"""The comparer's process as Turnout sees it: started, listened to, started again when it dies, and ended.

It reads one line on its stdin and ends with its end: so it ends with whoever started it, even one that was killed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from turnout.capture.config import ComparerConfig
from turnout.error import ProgramNotFound, StateBroken, TurnoutError

PROGRAM = (sys.executable, "-P", "-m", "turnout.capture")
"""`-P`: a user's `queue.py` in the current folder is none of ours."""
LONGEST_LINE_BYTES = 64 << 20
"""A tally that is as large as it may be, as JSON."""
MOST_STARTS = 5
"""One that dies as often as this, each time within `SOUND_SECONDS`, is not started again."""
SOUND_SECONDS = 60.0
PAUSE_SECONDS = 1.0
SILENT_SECONDS = 10.0
"""It speaks once a second. One that said nothing for so long is ended, and another goes on with the last tally."""
LAST_WORDS_SECONDS = 5.0

Line = dict[str, Any]
NOTHING_YET: Line = {
    "report": None,
    "verdict": "unsure",
    "settled": False,
    "pairs": {"candidate": 0, "baseline": 0},
    "unpaired": 0,
    "dropped": 0,
    "captured": 0,
    "share": 1.0,
    "problem": None,
}

_log = logging.getLogger(__name__)


class Comparer:
    """One comparison's process. `start` and `stop` once each; `latest` meanwhile and afterwards."""

    def __init__(self, environment: Mapping[str, str], log: Path, program: Sequence[str] = PROGRAM) -> None:
        """`environment`: all that the process gets of one; `log`: a file, for what it has to say besides reports."""
        self._environment = dict(environment)
        self._log = log
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._ending = False
        self._ends = 0
        self._config: ComparerConfig | None = None
        self._said: Line = dict(NOTHING_YET)
        self.latest = self._said
        """What it said last. Without the tally."""
        self.tally: dict[str, Any] | None = None
        """The last one it gave: `delivery.comparison.record.plain`, a few seconds old."""

    @property
    def pid(self) -> int | None:
        """The process's, while it runs."""
        return self._process.pid if self._process is not None else None

    async def start(self, config: ComparerConfig, tally: dict[str, Any] | None = None) -> None:
        """`tally`: what an earlier process of the same comparison had come to. Raises ProgramNotFound, StateBroken."""
        assert self._keeping is None, "one comparer, one comparison"
        self._config, self.tally = config, tally
        self._process = await self._spawn()
        self._keeping = asyncio.create_task(self._keep(), name="comparer")

    async def stop(self) -> Line:
        """Until it has said its last line, which is returned; a bounded time. Without a start it does nothing."""
        self._ending = True
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self._keeping is not None:
            await asyncio.wait([self._keeping], timeout=LAST_WORDS_SECONDS)
            await self._end()
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        return self.latest

    async def _keep(self) -> None:
        """Listens to one process after the other."""
        clock = asyncio.get_running_loop().time
        in_a_row, began = 0, clock()
        while True:
            await self._listen()
            await self._end()
            if self._ending:
                return
            in_a_row = 1 if clock() - began > SOUND_SECONDS else in_a_row + 1
            self._ends += 1
            self._hear(self._said)
            if in_a_row >= MOST_STARTS:
                self._give_up(
                    f"the comparer ended {in_a_row} times in a row, and is not started again: see {self._log}"
                )
                return
            await asyncio.sleep(PAUSE_SECONDS)
            began = clock()
            try:
                self._process = await self._spawn()
            except TurnoutError as error:
                self._give_up(error.message)

    def _hear(self, said: Line) -> None:
        """What was gathered since its last tally is gone with a process: that is told for as long as it goes on."""
        self._said = said
        ended = f"the comparer ended {self._ends} times, and was started again" if self._ends else None
        self.latest = said | {"problem": said["problem"] or ended}

    def _give_up(self, problem: str) -> None:
        _log.warning("%s", problem)
        self.latest = self._said | {"problem": problem}

    async def _spawn(self) -> asyncio.subprocess.Process:
        """A process that has been told what to do."""
        assert self._config is not None
        with self._opened() as output:
            process = await self._run(output)
        assert process.stdin is not None
        told = json.dumps({"config": json.loads(self._config.as_json()), "tally": self.tally})
        with suppress(ConnectionError):  # one that ended at once is noticed where it is listened to
            process.stdin.write(told.encode() + b"\n")
            await process.stdin.drain()
        return process

    def _opened(self) -> BinaryIO:
        try:
            return self._log.open("ab")
        except OSError as error:
            raise StateBroken(f"the log {self._log} cannot be written: {error.strerror}") from error

    async def _run(self, output: BinaryIO) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        try:
            return await asyncio.create_subprocess_exec(
                *self._program,
                stdin=pipe,
                stdout=pipe,
                stderr=output,
                env=self._environment,
                start_new_session=True,
                limit=LONGEST_LINE_BYTES,
            )
        except OSError as error:
            raise ProgramNotFound(f"`{self._program[0]}` cannot be run: {error.strerror}") from error

    async def _listen(self) -> None:
        """Until it ends, or has been silent for too long."""
        process = self._process
        if process is None or process.stdout is None:
            return
        with suppress(TimeoutError, ValueError, ConnectionError):  # each of them ends it
            while line := await asyncio.wait_for(process.stdout.readline(), SILENT_SECONDS):
                said = await asyncio.to_thread(json.loads, line)  # a large tally takes longer than control's loop may
                self.tally = said.pop("tally", self.tally)
                self._hear(self._said | said)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
