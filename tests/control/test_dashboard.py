"""A process that is started when somebody connects, and again when it has ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from tests.web.waiting import until

from turnout.control.dashboard import Dashboard
from turnout.control.state import StateDir
from turnout.control.strays import OWNER
from turnout.error import PortTaken
from turnout.process import carries

ANSWERS = """
import os, socket, sys
listener = socket.socket(fileno=int(sys.argv[sys.argv.index("--serve-fd") + 1]))
listener.setblocking(True)
while True:
    connection, _ = listener.accept()
    connection.sendall(str(os.getpid()).encode())
    connection.close()
"""
DIES = "import sys; sys.exit(3)"


@asynccontextmanager
async def dashboard(
    folder: Path, program: str = ANSWERS, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> AsyncIterator[Dashboard]:
    """It listens; what answers is a small program."""
    state = StateDir(folder)
    state.create()
    found = Dashboard(state, (sys.executable, "-c", program), sleep)
    await found.start()
    try:
        yield found
    finally:
        await found.stop()


async def asked(port: int | None) -> int:
    """Who answers: its pid."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(10):
        pid = int(await reader.read())
    writer.close()
    return pid


async def test_nothing_runs_until_somebody_connects(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as found:
        before = found.pid
        assert before is None
        assert [await asked(found.port) for _ in range(2)] == [found.pid] * 2, "there is one for all"
        assert found.url == f"http://127.0.0.1:{found.port}"


async def test_when_it_has_ended_the_next_connection_starts_another(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as found:
        first = await asked(found.port)
        os.kill(first, signal.SIGTERM)
        await until(lambda: found.pid is None)
        second = await asked(found.port)
        assert second not in {first, None}


async def test_one_that_dies_at_once_is_started_with_growing_pauses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 3:
            enough.set()
            await asyncio.Event().wait()

    async with dashboard(tmp_path, DIES, sleep) as found, asyncio.timeout(20):
        _, writer = await asyncio.open_connection("127.0.0.1", found.port)
        await enough.wait()
        writer.close()
    assert pauses == [0.5, 1.0, 2.0, 4.0]
    assert "ended with status 3" in caplog.text


async def test_stopped_nothing_is_left_and_nobody_listens(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as found:
        port, pid = found.port, await asked(found.port)
        await found.stop()
        assert (found.port, found.url) == (None, None)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_it_is_found_by_its_mark_when_turnout_is_gone(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as found:
        assert carries(await asked(found.port), OWNER, str(tmp_path))


async def test_a_taken_port_is_said(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    with closing(socket.create_server(("127.0.0.1", 0))) as holder, pytest.raises(PortTaken):
        await Dashboard(state).start(holder.getsockname()[1])


async def test_its_log_does_not_grow_without_end(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as found:
        log = tmp_path / "logs" / "dashboard.log"
        log.write_bytes(b"\n" * (6 * 1024 * 1024))
        await asked(found.port)
        assert log.stat().st_size == 0
        assert (tmp_path / "logs" / "dashboard.log.1").exists()
