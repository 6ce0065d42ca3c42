"""A running Turnout to be measured, started as a user starts it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.bench.program import START_SECONDS, NotAnswering, started

from turnout.client import Client
from turnout.error import TurnoutError
from turnout.process import Process

STOP_SECONDS = 60.0
LOOK_SECONDS = 0.01
TOOLS = Path(sys.executable).parent


def turnout(*words: str | Path) -> list[str]:
    """The command line of a command, as installed; without an installation, through this Python."""
    script = TOOLS / "turnout"
    program = [str(script)] if script.exists() else [sys.executable, "-m", "turnout"]
    return [*program, *map(str, words)]


def environment() -> dict[str, str]:
    """The workloads' `python3` is this one, which has what the examples need."""
    return {"PATH": f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}"}


@dataclass(frozen=True, slots=True)
class Instance:
    """`launched`: when the command was given (`time.monotonic`)."""

    process: Process
    project: Path
    gateway_port: int
    launched: float

    @property
    def state(self) -> Path:
        return self.project / ".turnout"

    def client(self) -> Client:
        return Client.from_state(self.state)

    def status(self) -> dict[str, Any]:
        with self.client() as client:
            status: dict[str, Any] = client.view("status")
            return status

    def command(self, *words: str) -> None:
        """Runs a command to its end. Raises CalledProcessError."""
        subprocess.run(self.argv(*words), check=True, capture_output=True, timeout=STOP_SECONDS)

    def argv(self, *words: str) -> list[str]:
        return turnout(*words, "--state", self.state)


def log_of(project: Path) -> Path:
    """What `turnout up` prints."""
    return project.parent / f"{project.name}.log"


@contextmanager
def up(project: Path, gateway_port: int) -> Iterator[Instance]:
    """`turnout up` in the foreground, from the command on; it need not answer yet. Ended by `turnout down`."""
    argv = turnout("up", project, "--state", project / ".turnout", "--gateway-port", f"80={gateway_port}")
    launched = time.monotonic()
    with started(argv, project.parent, environment(), name=project.name) as process:
        instance = Instance(process, project, gateway_port, launched)
        try:
            yield instance
        finally:
            subprocess.run(instance.argv("down"), check=False, capture_output=True, timeout=STOP_SECONDS)
            asyncio.run(asyncio.wait_for(process.wait(), STOP_SECONDS))


def await_pods(instance: Instance, within_seconds: float = START_SECONDS) -> dict[str, Any]:
    """The status once every pod is ready. Raises NotAnswering."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline and instance.process.running():
        try:
            status = instance.status()
        except TurnoutError:
            status = {"serving": False}
        if status["serving"] and all(_ready(workload) for workload in status["workloads"]):
            return status
        time.sleep(LOOK_SECONDS)
    raise NotAnswering(f"no ready pods within {within_seconds:g} s; it said:\n{log_of(instance.project).read_text()}")


def _ready(workload: dict[str, Any]) -> bool:
    ready = [pod for pod in workload["pods"] if pod["ready"]]
    return len(ready) >= int(workload["replicas"])
