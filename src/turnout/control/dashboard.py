"""The dashboard's process: started when somebody connects to its port, and again when it has ended.

Turnout listens itself, so that the link works from the first moment and `up` waits for nothing; what nobody looks at
costs nothing. The process inherits the listening socket, and lives on when Turnout is killed, as Envoy does: it says so
in the browser, until the next Turnout ends it as a stray and listens on the same port.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from turnout.apiserver.listener import listen
from turnout.control.state import StateDir
from turnout.control.strays import mark
from turnout.error import TurnoutError
from turnout.process import Process

_log = logging.getLogger(__name__)

PROGRAM = (sys.executable, "-m", "turnout", "dashboard")
GRACE_SECONDS = 3.0
SOUND_SECONDS = 10.0
"""One that lived so long was sound: the next is started at once."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
LOG_BYTES = 5 * 1024 * 1024


class Dashboard:
    """`start` listens, `stop` ends the process and the listening. The port is None while nobody listens."""

    def __init__(
        self,
        state: StateDir,
        program: Sequence[str] = PROGRAM,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._state = state
        self._program = program
        self._listener: socket.socket | None = None
        self._process: Process | None = None
        self._ended: asyncio.Task[None] | None = None
        self._pause_seconds = 0.0

    @property
    def port(self) -> int | None:
        return None if self._listener is None else int(self._listener.getsockname()[1])

    @property
    def url(self) -> str | None:
        """Without the secret that opens it."""
        return None if self.port is None else f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process's, while it runs."""
        return self._process.pid if self._process is not None else None

    async def start(self, port: int = 0) -> int:
        """Listen on 127.0.0.1:`port` (0: a free one), and return the port. Raises PortTaken."""
        self._listener = listen(port)
        self._await_connection()
        return int(self._listener.getsockname()[1])

    async def stop(self) -> None:
        """Without a start it does nothing."""
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener)
        if self._ended is not None:
            self._ended.cancel()
            await asyncio.gather(self._ended, return_exceptions=True)
        if self._process is not None:
            await self._process.stop(GRACE_SECONDS)
        self._listener.close()
        self._listener = None

    def _await_connection(self) -> None:
        assert self._listener is not None
        asyncio.get_running_loop().add_reader(self._listener, self._connected, self._listener)

    def _connected(self, listener: socket.socket) -> None:
        """Somebody waits to be accepted, which only the process does."""
        asyncio.get_running_loop().remove_reader(listener)
        self._ended = asyncio.create_task(self._run(listener))

    async def _run(self, listener: socket.socket) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            self._process = self._spawn(listener)
            status = await self._process.wait()
            if status:
                _log.warning("the dashboard ended with status %s: see %s", status, self._state.dashboard_log)
        except TurnoutError as error:
            status = 1
            _log.warning("the dashboard cannot be started: %s", error.message)
        if self._process is not None:
            await self._process.stop(0.0)  # what it may have left behind
        self._process = None
        if status and clock() - began < SOUND_SECONDS:
            self._pause_seconds = min(max(self._pause_seconds * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            await self._sleep(self._pause_seconds)
        else:
            self._pause_seconds = 0.0
        self._await_connection()

    def _spawn(self, listener: socket.socket) -> Process:
        descriptor = listener.fileno()
        self._keep_log_small()
        return Process.spawn(
            [*self._program, "--serve-fd", str(descriptor), "--state", str(self._state.path)],
            cwd=self._state.path,
            env={**os.environ, **mark(self._state), "NICEGUI_STORAGE_PATH": str(self._state.runtime / "dashboard")},
            log=self._state.dashboard_log,
            descriptors=(descriptor,),
        )

    def _keep_log_small(self) -> None:
        log = self._state.dashboard_log
        with suppress(OSError):
            if log.stat().st_size > LOG_BYTES:
                log.replace(log.with_suffix(".log.1"))
