"""A folder with a Turnout of its own: the commands given in it, the users who come, and whatever is started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil

T = TypeVar("T")

PROJECT = Path(__file__).parents[2]
GATEWAY_LISTENS = 8080
UP_SECONDS = 130.0
STABLE_SECONDS = 1.2
"""Longer than a file takes to be noticed, and than Turnout takes to read Envoy's counters again."""
DOWN_SECONDS = 120.0
LOOK_SECONDS = 0.25
NO_TIMEOUT = "10m"


class StoryEnds(Exception):
    """The story cannot go on; says why."""


class Folder:
    """Everything started in it carries its TMPDIR, and is found by that."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="turnout-demo-")).resolve()
        self.work = self.folder / "work"
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.listens = GATEWAY_LISTENS if _is_free(GATEWAY_LISTENS) else _free_port()

    # --- commands

    def begin(self, example: str) -> None:
        """A copy of one of the examples runs. Raises StoryEnds."""
        shutil.copytree(PROJECT / "examples" / example, self.work)
        say(f"$ cp -r examples/{example} work && cd work")
        self.up()

    def up(self) -> None:
        """`turnout up -d`, shown. Raises StoryEnds."""
        port = () if self.listens == GATEWAY_LISTENS else ("--gateway-port", f"80={self.listens}")
        say(f"$ turnout {' '.join(('up', '-d', *port))}")
        began = time.monotonic()
        # In a session of its own: an instance that Ctrl-C met half started could not be told to stop.
        command = self.argv("up", "-d", *port)
        child = subprocess.Popen(command, **self.surroundings(), stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, _ = child.communicate()
        except BaseException:
            child.wait(UP_SECONDS)
            raise
        if child.returncode:
            raise StoryEnds(f"turnout up:\n{output}")
        say(f"ready after {time.monotonic() - began:.1f} s; the gateway is at 127.0.0.1:{self.listens}")

    def command(self, *arguments: str) -> None:
        """One of Turnout's, shown with what it says. Raises StoryEnds when it fails."""
        if status := self.shown(*arguments):
            raise StoryEnds(f"turnout {arguments[0]} failed, with status {status}")

    def shown(self, *arguments: str) -> int:
        """Each line when it is said; returns the exit status."""
        say(f"$ turnout {' '.join(arguments)}")
        with subprocess.Popen(self.argv(*arguments), **self.surroundings(), stderr=subprocess.STDOUT) as child:
            assert child.stdout is not None
            for line in child.stdout:
                say(line.rstrip())
        return child.returncode

    def run(
        self, *arguments: str, seconds: float | None = None, stderr: int | None = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        """One of Turnout's, not shown."""
        return subprocess.run(self.argv(*arguments), **self.surroundings(), stderr=stderr, timeout=seconds, check=False)

    def asked(self, *arguments: str) -> Any:
        """What a command says as JSON. Raises StoryEnds."""
        ended = self.run(*arguments, "--json")
        try:
            return json.loads(ended.stdout)
        except ValueError as error:
            raise StoryEnds(f"turnout {' '.join(arguments)}: {ended.stdout}{ended.stderr}") from error

    def status(self) -> dict[str, Any]:
        """`turnout status --json`. Raises StoryEnds."""
        found: dict[str, Any] = self.asked("status")
        return found

    @contextmanager
    def users(self, *arguments: str) -> Iterator[dict[str, Any]]:
        """`turnout load` while the block runs; then its report is in what was yielded. Raises StoryEnds."""
        report: dict[str, Any] = {}
        command = self.argv("load", "-t", NO_TIMEOUT, "--json", *arguments)
        child = subprocess.Popen(command, **self.surroundings(), stderr=subprocess.DEVNULL)
        try:
            yield report
        finally:
            child.send_signal(signal.SIGINT)
            output, _ = child.communicate()
        report.update(self.report(output))

    def report(self, output: str) -> dict[str, Any]:
        """Of `turnout load --json`. Raises StoryEnds."""
        try:
            found: dict[str, Any] = json.loads(output)
        except ValueError as error:
            raise StoryEnds(f"turnout load gave no figures: {output}") from error
        return found

    # --- what is waited for

    def awaited(self, what: str, seconds: float, look: Callable[[Mapping[str, Any]], T | None]) -> T:
        """What `look` finds in the status, once it finds the same for STABLE_SECONDS. Raises StoryEnds."""
        deadline = time.monotonic() + seconds
        found, since = None, time.monotonic()
        while found is None or time.monotonic() - since < STABLE_SECONDS:
            if time.monotonic() > deadline:
                raise StoryEnds(f"not within {seconds:.0f} s: {what}\n{self.run('status').stdout}")
            time.sleep(LOOK_SECONDS)
            status = self.status()
            if (now := look(status)) != found:
                found, since = now, time.monotonic()
        return found

    @contextmanager
    def replaced(self, workload: str, seconds: float) -> Iterator[None]:
        """After the block, until the workload's pods are new and in service, and the old ones gone."""
        before = {pod["name"] for pod in _pods(self.status(), workload)}
        began = time.monotonic()
        yield
        self.awaited(f"{workload} is replaced", seconds, lambda status: _fresh(status, workload, before))
        say(f"{workload}: the new version is ready after {time.monotonic() - began - STABLE_SECONDS:.1f} s")

    # --- the end

    def close(self, *, keep: bool) -> list[str]:
        """Stops everything, without a word; returns what runs all the same (and is killed). A signal: kills at once."""
        if (self.work / ".turnout").exists():
            with suppress(KeyboardInterrupt, SystemExit, subprocess.TimeoutExpired):
                self.run("down", seconds=DOWN_SECONDS)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        left = self._left()
        names = [f"{process.pid} {process.name()}" for process in left]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        return names

    def _left(self) -> list[psutil.Process]:
        """A process that has just ended may take a moment to go."""
        deadline = time.monotonic() + 2.0
        while (found := [p for p in psutil.process_iter() if self._belongs(p)]) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return found

    def _belongs(self, process: psutil.Process) -> bool:
        try:
            ended = process.status() == psutil.STATUS_ZOMBIE
            return not ended and process.environ().get("TMPDIR") == str(self.temporary)
        except psutil.Error:
            return False

    # --- inside

    def argv(self, *arguments: str) -> list[str]:
        """Of one of Turnout's commands."""
        return [sys.executable, "-m", "turnout", *arguments]

    def surroundings(self) -> dict[str, Any]:
        """`turnout`, `python3` and, if there is no other, `go` are those beside the running Python."""
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        path = [str(Path(sys.executable).parent), str(PROJECT / "src")]
        environment["PATH"] = os.pathsep.join([path[0], os.environ.get("PATH", os.defpath)])
        environment["PYTHONPATH"] = os.pathsep.join([path[1], os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        environment["TMPDIR"] = str(self.temporary)
        return {"cwd": self.work, "env": environment, "stdout": subprocess.PIPE, "text": True}


def _fresh(status: Mapping[str, Any], workload: str, before: set[str]) -> frozenset[str] | None:
    """The names of the workload's pods, if all of them are new and in service."""
    pods = _pods(status, workload)
    names = frozenset(pod["name"] for pod in pods if pod["ready"])
    return names if pods and len(names) == len(pods) and not names & before else None


def _pods(status: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [pod for workload in status["workloads"] if workload["name"] == name for pod in workload["pods"]]


def say(text: str) -> None:
    """To the reader, at once."""
    print(text, flush=True)


def _is_free(port: int) -> bool:
    try:
        _bind(port)
    except OSError:
        return False
    return True


def _free_port() -> int:
    return _bind(0)


def _bind(port: int) -> int:
    with socket.create_server(("127.0.0.1", port)) as server:
        bound: int = server.getsockname()[1]
    return bound
