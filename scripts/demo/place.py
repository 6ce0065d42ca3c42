"""Where the story is played: a working folder, the `turnout` commands given in it, and whatever they start."""

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
from scripts.demo.row import Calls
from scripts.demo.secret import Secret

T = TypeVar("T")

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "examples" / "random-number"
HOST = "rewrite-app-with-istio.test"
URL = f"http://{HOST}/"
GATEWAY_LISTENS = 8080
PROBE_RATE = 20
UP_SECONDS = 130.0
REPLACED_SECONDS = 120.0
COMPARED = "12s"
COMPARED_CLIENTS = "40"
STABLE_SECONDS = 1.2
"""Longer than a file takes to be noticed, and than Turnout takes to read Envoy's counters again."""
COUNTED_SECONDS = 6.0
DOWN_SECONDS = 120.0
LOOK_SECONDS = 0.25
NO_TIMEOUT = "10m"


class StoryEnds(Exception):
    """The story cannot go on; says why."""


class Place:
    """A folder with a Turnout of its own. Everything started in it carries its TMPDIR, and is found by that."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="turnout-demo-")).resolve()
        self.work = self.folder / "work"
        self._temporary = self.folder / "tmp"
        self._temporary.mkdir()
        self.listens = GATEWAY_LISTENS if _is_free(GATEWAY_LISTENS) else _free_port()
        self._port = () if self.listens == GATEWAY_LISTENS else ("--gateway-port", f"80={self.listens}")

    # --- what happens in the story

    def begin(self) -> None:
        """Phase 1 runs. Raises StoryEnds."""
        shutil.copytree(EXAMPLE / "phase-1", self.work)
        say("$ cp -r examples/random-number/phase-1 work && cd work")
        say(f"$ turnout {' '.join(('up', '-d', *self._port))}")
        began = time.monotonic()
        self._up()
        say(f"ready after {time.monotonic() - began:.1f} s; {URL} is at 127.0.0.1:{self.listens}")
        self._compile_ahead()

    def _compile_ahead(self) -> None:
        """At its first use Go compiles its standard library, for half a minute: done while the baseline is measured."""
        surroundings = self._surroundings()
        surroundings["cwd"] = EXAMPLE / "phase-3" / "v2"
        surroundings["stdout"] = subprocess.DEVNULL
        surroundings["env"]["CGO_ENABLED"] = "0"  # as in the example's turnout.yaml, else it is compiled again
        command = ["go", "build", "-o", str(self._temporary / "ahead"), "."]
        # Should it fail, then so will Turnout's own build, which says why.
        self._compiling = subprocess.Popen(command, **surroundings, stderr=subprocess.DEVNULL)

    def _up(self) -> None:
        # In a session of its own: an instance that Ctrl-C met half started could not be told to stop.
        command = self._command("up", "-d", *self._port)
        child = subprocess.Popen(command, **self._surroundings(), stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, _ = child.communicate()
        except BaseException:
            child.wait(UP_SECONDS)
            raise
        if child.returncode:
            raise StoryEnds(f"turnout up:\n{output}")

    def copy(self, phase: str, replaces: str) -> tuple[int, int]:
        """Copies a phase over the files, and waits until the workload's new version is in service and the old one gone.

        Meanwhile users come: returns how many requests they made, and how many of those failed.
        """
        self._compiling.wait()
        before = {pod["name"] for pod in self._pods(self.status(), replaces)}
        with self._light_load() as users:
            say(f"$ cp -r examples/random-number/{phase}/. .")
            began = time.monotonic()
            shutil.copytree(EXAMPLE / phase, self.work, dirs_exist_ok=True)
            self._await(f"{replaces} of {phase} is ready", REPLACED_SECONDS, lambda s: self._fresh(s, replaces, before))
            say(f"{replaces}: the new version is ready after {time.monotonic() - began - STABLE_SECONDS:.1f} s")
        # One request may be in flight when the load ends, and counts for nothing; more would be stuck ones.
        return users["finished"], users["failed"] + max(users["unfinished"] - 1, 0)

    def command(self, *arguments: str) -> None:
        """One of Turnout's, shown with what it says."""
        say(f"$ turnout {' '.join(arguments)}")
        ended = self._run(*arguments)
        say(ended.stdout.rstrip())
        if ended.returncode:
            raise StoryEnds(f"turnout {arguments[0]} failed: {ended.stderr}")

    def compare(self, service: str, stable: str, candidate: str) -> Secret:
        """`turnout compare`, while the endpoint is used; what it says is shown."""
        arguments = ("compare", service, "--from", stable, "--to", candidate, "--for", COMPARED)
        say(f"$ turnout {' '.join(arguments)}")
        users = ("load", "-c", COMPARED_CLIENTS, "-t", NO_TIMEOUT, "--json", f"{URL}random/number")
        load = subprocess.Popen(self._command(*users), **self._surroundings(), stderr=subprocess.DEVNULL)
        try:
            ended = self._run(*arguments)
        finally:
            load.send_signal(signal.SIGINT)
            load.communicate()
        say(ended.stdout.rstrip())
        try:
            return Secret.of(json.loads(self._run("compare", "report", "--json").stdout), self.status())
        except ValueError as error:
            raise StoryEnds(f"turnout compare: {ended.stderr}") from error

    def load(self, clients: int, requests: int) -> Mapping[str, Any]:
        """`turnout load`: as many requests, each waited for."""
        arguments = ("load", "-c", str(clients), "-n", str(requests), URL)
        say(f"$ turnout {' '.join(arguments)}")
        ended = self._run(*arguments, "--json", "--timeout", NO_TIMEOUT, stderr=None)  # its progress line is shown
        return self._report(ended.stdout)

    # --- what Turnout says

    def status(self) -> dict[str, Any]:
        """`turnout status --json`."""
        ended = self._run("status", "--json")
        try:
            found: dict[str, Any] = json.loads(ended.stdout)
        except ValueError as error:
            raise StoryEnds(f"turnout status: {ended.stderr}") from error
        return found

    def calls(self) -> Calls:
        """As soon as the counters stand still."""
        return self._await("the counters stand still", COUNTED_SECONDS + STABLE_SECONDS, Calls.of)

    def calls_after(self, before: Calls, requests: int) -> Calls:
        """As soon as so many users' requests are counted; as it is, if that does not happen."""
        deadline = time.monotonic() + COUNTED_SECONDS
        while (calls := Calls.of(self.status())).users < before.users + requests and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return calls

    # --- the end

    def close(self, *, keep: bool) -> list[str]:
        """Stops everything, without a word; returns what runs all the same (and is killed). A signal: kills at once."""
        if (self.work / ".turnout").exists():
            with suppress(KeyboardInterrupt, SystemExit, subprocess.TimeoutExpired):
                self._run("down", seconds=DOWN_SECONDS)
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
            return not ended and process.environ().get("TMPDIR") == str(self._temporary)
        except psutil.Error:
            return False

    # --- inside

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "turnout", *arguments]

    def _surroundings(self) -> dict[str, Any]:
        """`turnout`, `python3` and, if there is no other, `go` are those beside the running Python."""
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        path = [str(Path(sys.executable).parent), str(PROJECT / "src")]
        environment["PATH"] = os.pathsep.join([path[0], os.environ.get("PATH", os.defpath)])
        environment["PYTHONPATH"] = os.pathsep.join([path[1], os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        environment["TMPDIR"] = str(self._temporary)
        return {"cwd": self.work, "env": environment, "stdout": subprocess.PIPE, "text": True}

    def _run(
        self, *arguments: str, seconds: float | None = None, stderr: int | None = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments), **self._surroundings(), stderr=stderr, timeout=seconds, check=False
        )

    @contextmanager
    def _light_load(self) -> Iterator[dict[str, int]]:
        """Users come while the block runs; then their requests are counted in what was yielded."""
        counts: dict[str, int] = {}
        arguments = ("load", "--rate", str(PROBE_RATE), "-t", NO_TIMEOUT, "--json", f"{URL}healthz")
        child = subprocess.Popen(self._command(*arguments), **self._surroundings(), stderr=subprocess.DEVNULL)
        try:
            yield counts
        finally:
            child.send_signal(signal.SIGINT)
            output, _ = child.communicate()
        counts.update(self._report(output)["requests"])

    def _report(self, output: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(output)
        except ValueError as error:
            raise StoryEnds(f"turnout load gave no figures: {output}") from error
        return found

    def _await(self, what: str, seconds: float, look: Callable[[Mapping[str, Any]], T | None]) -> T:
        """What `look` finds in the status, once it finds the same for STABLE_SECONDS."""
        deadline = time.monotonic() + seconds
        found, since = None, time.monotonic()
        while found is None or time.monotonic() - since < STABLE_SECONDS:
            if time.monotonic() > deadline:
                raise StoryEnds(f"not within {seconds:.0f} s: {what}\n{self._run('status').stdout}")
            time.sleep(LOOK_SECONDS)
            status = self.status()
            if (now := look(status)) != found:
                found, since = now, time.monotonic()
        return found

    def _fresh(self, status: Mapping[str, Any], workload: str, before: set[str]) -> frozenset[str] | None:
        """The names of the workload's pods, if all of them are new and in service."""
        pods = self._pods(status, workload)
        names = frozenset(pod["name"] for pod in pods if pod["ready"])
        return names if pods and len(names) == len(pods) and not names & before else None

    def _pods(self, status: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
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
