"""The programs that are measured: started, waited for, looked at, and ended."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from turnout.process import Process, cpu_seconds

START_SECONDS = 30.0
GRACE_SECONDS = 5.0
LOOK_SECONDS = 0.005


class NotAnswering(Exception):
    """A program did not do in time what the measurement needs."""


@contextmanager
def started(
    argv: Sequence[str | Path], folder: Path, env: Mapping[str, str] | None = None, *, name: str = ""
) -> Iterator[Process]:
    """Runs while the context lasts; its output goes to `<name>.log` in the folder. Nothing of it is left behind."""
    words = [str(word) for word in argv]
    log = folder / f"{name or Path(words[0]).name}.log"
    process = Process.spawn(words, cwd=folder, env={**os.environ, **(env or {})}, log=log)
    try:
        yield process
    finally:
        asyncio.run(process.stop(GRACE_SECONDS))


def cpu(processes: Sequence[Process]) -> float:
    """CPU seconds that the programs have used so far, their workers included."""
    return sum(cpu_seconds(pid) or 0.0 for process in processes for pid in process.members())


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def ask(port: int, host: str, path: str = "/", timeout_seconds: float = 5.0) -> bytes:
    """The raw answer to one GET, on a connection of its own; empty when nobody listens."""
    request = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_seconds) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))
    except OSError:
        return b""


def await_ok(port: int, host: str, path: str = "/", within_seconds: float = START_SECONDS) -> float:
    """Until a GET is answered with 200; returns the moment (`time.monotonic`). Raises NotAnswering."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        if ask(port, host, path).startswith(b"HTTP/1.1 200"):
            return time.monotonic()
        time.sleep(LOOK_SECONDS)
    raise NotAnswering(f"no 200 from {host}{path} on port {port} within {within_seconds:g} s")
