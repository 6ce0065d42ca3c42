"""One command of a hook: started, given the event, ended in time, with all that it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from turnout.error import HookFailed

POLL_SECONDS = 0.02
SHOWN_BYTES = 300
"""Of the end of what a command that failed has said."""


def run(
    argv: Sequence[str],
    body: bytes,
    folder: Path,
    env: Mapping[str, str],
    timeout_seconds: float,
    closing: threading.Event,
) -> None:
    """Without a shell; `body` on its stdin. Returns when it has ended with 0. Raises HookFailed.

    Files instead of pipes: nobody can be made to wait by one who does not read, or by a grandchild who holds one open.
    """
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as said:
        told.write(body)
        told.seek(0)
        try:
            child = subprocess.Popen(
                list(argv), cwd=folder, env=dict(env), stdin=told, stdout=said, stderr=said, start_new_session=True
            )
        except (OSError, ValueError) as error:
            raise HookFailed(f"it cannot be started: {error}") from error
        _until(child, time.monotonic() + timeout_seconds, closing)
        ended = _end(child)
        if ended is None:
            raise HookFailed("Turnout ends" if closing.is_set() else f"it took longer than {timeout_seconds:g} s")
        if ended != 0:
            raise HookFailed(f"it ended with {ended}{_last_words(said)}")


def _until(child: subprocess.Popen[bytes], deadline: float, closing: threading.Event) -> None:
    """It has ended (and is not reaped, so that its group's number stays its own), or may not go on."""
    while time.monotonic() < deadline and not closing.is_set():
        if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(POLL_SECONDS)


def _end(child: subprocess.Popen[bytes]) -> int | None:
    """Its exit status, None if it had to be ended; what it has left in its group is killed either way."""
    done = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    status = child.wait()
    return status if done else None


def _last_words(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - SHOWN_BYTES))
    text = " ".join(said.read().decode(errors="replace").split())
    return f": {text}" if text else ""
