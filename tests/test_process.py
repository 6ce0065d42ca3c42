from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from turnout import process as module
from turnout.error import ProgramNotFound, StateBroken
from turnout.process import Identity, Process, carrying, cpu_seconds, listening_ports, port_holder, rss_bytes

FOREVER = "import time\nprint('up', flush=True)\ntime.sleep(60)"

Start = Callable[..., Process]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    started: list[Process] = []

    def spawn(script: str, *argv: str) -> Process:
        command = argv or (sys.executable, "-c", script)
        started.append(Process.spawn(command, cwd=tmp_path, env=dict(os.environ), log=tmp_path / "log"))
        return started[-1]

    yield spawn
    for process in started:
        await process.stop(0.0)


async def until(condition: Callable[[], object], within_seconds: float = 10.0) -> None:
    async with asyncio.timeout(within_seconds):
        while not condition():  # noqa: ASYNC110 - other processes are looked at, which raise no event
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """A zombie is dead, whoever has to reap it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def log_holds(folder: Path, text: str) -> Callable[[], bool]:
    return lambda: text in (folder / "log").read_text()


async def test_exit_status_is_that_of_the_program(start: Start) -> None:
    assert await start("raise SystemExit(7)").wait() == 7


async def test_a_signal_shows_as_a_negative_status_to_each_of_many_waiters(start: Start, tmp_path: Path) -> None:
    process = start(FOREVER)
    waiters = [asyncio.create_task(process.wait()) for _ in range(3)]
    await until(log_holds(tmp_path, "up"))
    waiters[0].cancel()
    process.signal(signal.SIGKILL)
    assert await asyncio.gather(*waiters[1:]) == [-9, -9]
    assert not process.running()


async def test_waiting_works_without_pidfd_as_on_macos(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert await start("pass").wait() == 0


async def test_output_is_appended_and_stdin_is_empty(start: Start, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    await start("import sys; print(repr(sys.stdin.read())); sys.stderr.write('err\\n')").wait()
    assert sorted((tmp_path / "log").read_text().split()) == ["''", "before", "err"]


async def test_the_program_leads_a_session_of_its_own(start: Start) -> None:
    process = start(FOREVER)
    assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid


@pytest.mark.parametrize("sub", ["", "set -m; "], ids=["one group", "a group of its own"])
async def test_no_grandchild_survives_a_stop(start: Start, tmp_path: Path, sub: str) -> None:
    process = start("", "/bin/sh", "-c", f"{sub}sleep 61 & sleep 62 & echo up; wait")
    await until(log_holds(tmp_path, "up"))
    members = process.members()
    assert len(members) == 3
    await process.stop(5.0)
    assert not any(alive(pid) for pid in members)


async def test_a_descendant_that_left_the_session_is_killed_too(start: Start, tmp_path: Path) -> None:
    script = "import subprocess, time\nc = subprocess.Popen(['sleep', '63'], start_new_session=True)\n"
    process = start(script + "print('child', c.pid, flush=True)\ntime.sleep(60)")
    await until(log_holds(tmp_path, "child"))
    child = int((tmp_path / "log").read_text().split()[1])
    await process.stop(5.0)
    await until(lambda: not alive(child))


async def test_what_a_dead_leader_left_behind_is_ended_by_stop(start: Start) -> None:
    process = start("", "/bin/sh", "-c", "sleep 64 & exit 3")
    assert await process.wait() == 3
    (orphan,) = process.members()
    await process.stop(5.0)
    assert not alive(orphan)


async def test_a_program_that_ignores_sigterm_is_killed_when_its_grace_ends(start: Start, tmp_path: Path) -> None:
    process = start("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER)
    await until(log_holds(tmp_path, "up"))
    began = time.monotonic()
    await process.stop(0.3)
    assert 0.3 <= time.monotonic() - began < 3
    assert await process.wait() == -9


async def test_a_child_may_finish_its_work_after_the_shell_that_started_it_died(start: Start, tmp_path: Path) -> None:
    tidy = "lambda *a: (time.sleep(.3), print('tidy'), sys.exit())"
    (tmp_path / "app.py").write_text(f"import signal, sys, time\nsignal.signal(signal.SIGTERM, {tidy})\n{FOREVER}")
    process = start("", "/bin/sh", "-c", f"{sys.executable} app.py; true")
    await until(log_holds(tmp_path, "up"))
    await process.stop(5.0)
    assert "tidy" in (tmp_path / "log").read_text()


async def test_a_running_process_is_adopted_and_its_end_is_seen(start: Start) -> None:
    process = start(FOREVER)
    adopted = Process.adopt(process.identity)
    assert adopted is not None
    waiter = asyncio.create_task(adopted.wait())
    await asyncio.sleep(0)
    process.signal(signal.SIGTERM)
    assert await waiter is None
    assert Process.adopt(process.identity) is None


async def test_a_pid_that_was_used_again_is_not_adopted(start: Start) -> None:
    identity = start(FOREVER).identity
    assert Process.adopt(Identity(identity.pid, identity.started - 60)) is None


async def test_setting_the_clock_does_not_make_a_process_a_stranger(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = start(FOREVER).identity
    boot = psutil.boot_time()
    create_time = psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) + 3600)
    assert Process.adopt(identity) is not None


@pytest.mark.parametrize(
    ("argv", "folder", "message"),
    [
        (["no-such-program"], ".", "`no-such-program` was not found"),
        (["./bin/no"], ".", "`./bin/no` was not found"),
        (["./plain"], ".", "`./plain` is not executable"),
        (["./garbage"], ".", "`./garbage` cannot be run: "),
        (["true"], "nowhere", "nowhere does not exist"),
        (["a\0b"], ".", "cannot be run: "),
        ([], ".", "there is no command to run"),
    ],
)
def test_a_program_that_cannot_start_says_why(tmp_path: Path, argv: list[str], folder: str, message: str) -> None:
    (tmp_path / "plain").write_text("x")
    (tmp_path / "garbage").write_text("\1\2")
    (tmp_path / "garbage").chmod(0o755)
    with pytest.raises(ProgramNotFound) as raised:
        Process.spawn(argv, cwd=tmp_path / folder, env=dict(os.environ), log=tmp_path / "log")
    assert message in raised.value.message


def test_a_log_that_cannot_be_written_is_not_mistaken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(StateBroken, match="nowhere/log cannot be written"):
        Process.spawn(["true"], cwd=tmp_path, env=dict(os.environ), log=tmp_path / "nowhere" / "log")


async def test_ports_of_a_whole_session_are_found_and_their_holder_is_named(start: Start, tmp_path: Path) -> None:
    listen = "s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)"
    (tmp_path / "app.py").write_text(f"import socket, time\n{listen}\ntime.sleep(60)")
    process = start("", "/bin/sh", "-c", f"{sys.executable} app.py; true")
    await until(log_holds(tmp_path, "\n"))
    port = int((tmp_path / "log").read_text())
    assert listening_ports(process.pid) == {port}
    holder = port_holder(port)
    assert holder is not None
    assert "(pid " in holder


def test_nobody_holds_a_free_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert port_holder(port) is None


def test_memory_and_cpu_of_a_process_are_read_and_of_none_are_none() -> None:
    assert (rss_bytes(os.getpid()) or 0) > 1_000_000
    assert (cpu_seconds(os.getpid()) or 0) > 0
    assert rss_bytes(2**22 + 5) is None
    assert cpu_seconds(2**22 + 5) is None
    assert module.listening_ports(2**22 + 5) == set()


async def test_programs_are_found_by_a_variable_they_were_started_with(start: Start, tmp_path: Path) -> None:
    """Also a daemon that left its session, when its parent is gone; not who asks, whatever its own environment is."""
    mark = str(tmp_path)
    shell = f"export MARK={mark}; exec sh -c '(setsid sleep 60 &) ; exec sleep 60'"
    leader = start("", "/bin/sh", "-c", shell)
    await until(lambda: len(carrying("MARK", mark)) == 2)
    found = {process.pid: process for process in carrying("MARK", mark)}
    assert leader.pid in found
    await leader.stop(0.0)
    (daemon,) = carrying("MARK", mark)
    assert daemon.pid != leader.pid
    await daemon.stop(1.0)
    assert not carrying("MARK", mark)
    assert not alive(daemon.pid)
    path = os.environ["PATH"]
    assert os.getsid(0) not in {process.pid for process in carrying("PATH", path)}
