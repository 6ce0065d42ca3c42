"""Programs that Turnout starts: each leads a session of its own, writes to a log file, and may outlive Turnout.

A program's output goes to a file, never to a pipe: a pipe's other end dies with Turnout, and the program would with it.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psutil

from turnout.error import ProgramNotFound, StateBroken

POLITELY = signal.SIGTERM
POLL_SECONDS = 0.05
KILLS = 100
"""A process in uninterruptible sleep does not even die of SIGKILL; nobody waits for it longer than 5 s."""
_LOOPBACK = re.compile("[0-9A-F]{6}7F$|0{24}01000000$")
START_TOLERANCE_SECONDS = 1.5
"""Linux gives the boot time in whole seconds, and it may flicker; no pid comes round again that fast."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for good: a pid may be used again, but not with the same start time.

    `started` counts seconds since boot, not since the epoch: setting the clock must not make a process a stranger.
    """

    pid: int
    started: float


class Process:
    """A program that runs, our own child or adopted; always the leader of its own session and process group."""

    def __init__(self, identity: Identity, child: subprocess.Popen[bytes] | None) -> None:
        self.identity = identity
        self._child = child

    @classmethod
    def spawn(
        cls, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path, descriptors: Sequence[int] = ()
    ) -> Process:
        """Starts `argv` with exactly `env`, output appended to `log`; it inherits `descriptors` under their numbers.

        Raises ProgramNotFound, StateBroken (no log).
        """
        if not argv:
            raise ProgramNotFound("there is no command to run")
        with _opened(log) as output, _program_problems(argv, cwd):
            child = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=descriptors,
            )
        return cls(Identity(child.pid, _started(child.pid) or 0.0), child)

    @classmethod
    def adopt(cls, identity: Identity) -> Process | None:
        """The process that an earlier Turnout started; None if it is gone or its pid belongs to another by now."""
        process = cls(identity, None)
        return process if process.running() else None

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """One that somebody else has just started for us; None if it is gone already."""
        started = _started(pid)
        return None if started is None else cls(Identity(pid, started), None)

    @property
    def pid(self) -> int:
        return self.identity.pid

    def running(self) -> bool:
        """Whether the leader runs; a zombie does not, and is reaped here if it was our child."""
        if self._child is not None:
            return self._child.poll() is None
        started = _started(self.pid)
        return started is not None and abs(started - self.identity.started) < START_TOLERANCE_SECONDS

    async def wait(self) -> int | None:
        """Until the leader has ended: its exit status (negative: the signal), None for an adopted process.

        Any number may wait; being cancelled does no harm. Grandchildren may live on: `stop` ends those.
        """
        if hasattr(os, "pidfd_open"):
            await self._wait_by_descriptor()
        while self.running():  # noqa: ASYNC110 - a process is no event: without a pidfd it must be asked
            await asyncio.sleep(POLL_SECONDS)
        return self._child.returncode if self._child is not None else None

    async def _wait_by_descriptor(self) -> None:
        """Linux only. Each waiter has a descriptor of its own: nothing is shared, so nothing can be left behind."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:  # gone already, or an old kernel: the caller polls
            return
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        try:
            if self.running():  # looked at only now: the descriptor pins the pid, so it is not another process
                loop.add_reader(descriptor, _resolve, ended)
                await ended
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    def signal(self, number: int) -> None:
        """To the leader and all that its session holds; one that is gone is fine."""
        for pid in self.members():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    async def stop(self, grace_seconds: float, number: int = POLITELY) -> None:
        """SIGTERM, or what they heed instead, to all, until the last one has ended; SIGKILL after `grace_seconds`.

        Also to be called when the leader ended by itself: it may have left others behind.
        """
        strays = await asyncio.to_thread(self._strays)
        self.signal(number)
        ended = await self._ended(grace_seconds)
        for _ in range(KILLS):
            if ended:
                break
            self.signal(signal.SIGKILL)  # again and again: one of them may be forking just now
            ended = await self._ended(POLL_SECONDS)
        for stray in strays:
            with suppress(psutil.Error):
                stray.kill()

    async def _ended(self, within_seconds: float) -> bool:
        try:
            async with asyncio.timeout(within_seconds):
                await self.wait()
                while self.members():  # noqa: ASYNC110 - grandchildren are not ours to wait for
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            return False
        return True

    def members(self) -> list[int]:
        """The pids that run in this program's session, its leader among them.

        The session's id cannot be given to a new process while any member lives, so that this outlives the leader.
        """
        found = _session(self.pid)
        if self.pid in found and not self.running():
            return []  # the session died out, and its number belongs to somebody else
        return found

    def _strays(self) -> list[psutil.Process]:
        """Descendants that made sessions of their own: no signal to the group would reach them."""
        try:
            family = psutil.Process(self.pid).children(recursive=True) if self.running() else []
        except psutil.Error:
            return []
        session = set(self.members())
        return [child for child in family if child.pid not in session]


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _opened(log: Path) -> BinaryIO:
    try:
        return log.open("ab")
    except OSError as error:
        raise StateBroken(f"the log {log} cannot be written: {error.strerror}") from error


@contextmanager
def _program_problems(argv: Sequence[str], cwd: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if not cwd.is_dir():
            raise ProgramNotFound(f"the folder {cwd} does not exist", "it is the program's working folder") from error
        hint = "is it installed, and on PATH? A path such as ./bin/server counts from the working folder"
        raise ProgramNotFound(f"`{argv[0]}` was not found (working folder: {cwd})", hint) from error
    except PermissionError as error:
        raise ProgramNotFound(f"`{argv[0]}` is not executable", f"try: chmod +x {argv[0]}") from error
    except (OSError, ValueError) as error:
        raise ProgramNotFound(f"`{argv[0]}` cannot be run: {error}") from error


def _started(pid: int) -> float | None:
    """Seconds between boot and the process's start; None if there is no such process, or only a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time() - psutil.boot_time())
    except psutil.Error:
        return None


def _session(session: int) -> list[int]:
    """The pids in one session; zombies left out, as they are nobody's to wait for."""
    members = []
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) == session and _started(pid) is not None:
                members.append(pid)
    return members


def rss_bytes(pid: int) -> int | None:
    """Resident memory of one process; None if it cannot be read."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def cpu_seconds(pid: int) -> float | None:
    """User and system time that one process has used; None if it cannot be read."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def surroundings(pid: int) -> tuple[Path, dict[str, str]] | None:
    """The folder and the environment that a process was started with; None when it is gone, or not ours to see."""
    try:
        process = psutil.Process(pid)
        return Path(process.cwd()), process.environ()
    except psutil.Error:
        return None


def carries(pid: int, variable: str, value: str) -> bool:
    """Whether a process was started with this variable in its environment, as far as that may be read."""
    try:
        return bool(psutil.Process(pid).environ().get(variable) == value)
    except (psutil.Error, OSError):
        return False


def carrying(variable: str, value: str) -> list[Process]:
    """Programs started with this variable, as far as environments may be read; the caller's own session left out.

    One whose leader lives and does not carry it is somebody else's, who may have copied an environment.
    """
    marked = {pid for pid in psutil.pids() if carries(pid, variable, value)}
    sessions = set()
    for pid in marked:
        with suppress(OSError):
            sessions.add(os.getsid(pid))
    started = {session: _started(session) for session in sessions - {0, os.getsid(0)}}
    return [
        Process(Identity(session, since or 0.0), None)
        for session, since in started.items()
        if since is None or session in marked
    ]


def listening_ports(pid: int) -> set[int]:
    """The TCP ports on which the program led by `pid` listens, any member of its session counted."""
    ports: set[int] = set()
    for member in _session(pid):
        with suppress(psutil.Error):
            ports |= _listening(psutil.Process(member))
    return ports


def namespace_ports(pid: int, *, loopback: bool = False) -> set[int]:
    """The TCP ports on which anybody listens in the network of a process, which may be one of its own. Linux only.

    `loopback`: instead those that only loopback reaches. Source: proc_pid_net(5), /proc/net/tcp: the local address, its
    bytes backwards, then the port, all in hexadecimal; state 0A listens.
    """
    ports: set[int] = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            rows = [line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
            places = [row[1].partition(":") for row in rows if row[3] == "0A"]
            ports |= {int(port, 16) for address, _, port in places if bool(_LOOPBACK.match(address)) == loopback}
    return ports


def port_holder(port: int) -> str | None:
    """Who listens on a TCP port, as `nginx (pid 123)`; None where the system does not tell, or nobody does."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # other users' processes may not be looked into
            if port in _listening(process):
                return f"{process.name()} (pid {process.pid})"
    return None


def _listening(process: psutil.Process) -> set[int]:
    connections = process.net_connections("tcp")
    return {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN and c.laddr}
