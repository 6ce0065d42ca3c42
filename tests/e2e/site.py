"""A user's project folder, the commands a user types there, and whatever they leave running."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
from tests.e2e import manifests
from tests.ports import free_port

import turnout
from turnout.client import Client
from turnout.error import TurnoutError

T = TypeVar("T")

SERVICE = Path(__file__).with_name("service.py")
SOURCES = Path(turnout.__file__).parents[1]
WAIT_SECONDS = 20.0
LOOK_SECONDS = 0.02


def until(what: str, look: Callable[[], T | None], seconds: float = WAIT_SECONDS) -> T:
    """What `look` finds, once it finds something that is true; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(LOOK_SECONDS)
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    version: str
    body: str


@dataclass(slots=True)
class Up:
    """A `turnout up` in the foreground; what it prints goes to files, as it would in a terminal that is looked at."""

    process: subprocess.Popen[bytes]
    out_file: Path
    err_file: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def out(self) -> str:
        return self.out_file.read_text()

    @property
    def err(self) -> str:
        return self.err_file.read_text()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self, seconds: float = WAIT_SECONDS) -> int:
        """Its exit status, once it has one."""
        return self.process.wait(timeout=seconds)

    def kill(self) -> None:
        """SIGKILL: it can do nothing about it."""
        self.process.kill()
        self.process.wait()


@dataclass(slots=True)
class Site:
    """One project in `folder`. Everything started in it carries its TMPDIR, and is found by that."""

    folder: Path
    port: int = field(default_factory=free_port)
    ups: list[Up] = field(default_factory=list)

    # --- files

    @property
    def state(self) -> Path:
        return self.folder / ".turnout"

    @property
    def service_file(self) -> Path:
        return self.folder / "app" / "service.py"

    def lay_out(self) -> None:
        """The usual project: `app` in versions v1 and v2, all traffic on v1, and turnout.yaml."""
        (self.folder / "app").mkdir(parents=True)
        (self.folder / "tmp").mkdir()
        shutil.copy(SERVICE, self.service_file)
        self.write("turnout.yaml", settings())
        self.apply("gateway.yaml", manifests.gateway())
        self.apply("service.yaml", manifests.service())
        self.apply("v1.yaml", manifests.deployment("v1"))
        self.apply("v2.yaml", manifests.deployment("v2"))
        self.apply("rule.yaml", manifests.destination_rule({"v1": "v1", "v2": "v2"}))
        self.apply("route.yaml", manifests.virtual_service(manifests.split({"v1": 100, "v2": 0})))

    def write(self, name: str, text: str) -> Path:
        """Saves a file as most editors do: beside it, then renamed over it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text)
        return fresh.replace(path)

    def apply(self, name: str, *objects: manifests.Object) -> Path:
        """Saves objects as a manifest in `k8s/`."""
        return self.write(f"k8s/{name}", manifests.document(*objects))

    # --- commands

    @property
    def environment(self) -> dict[str, str]:
        """TMPDIR is what even Envoy inherits; what a command remembers of clusters stays here too."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        own = {"TMPDIR": str(self.folder / "tmp"), "XDG_STATE_HOME": str(self.folder / "tmp" / "state")}
        return kept | own | {"PYTHONPATH": str(SOURCES), "COLUMNS": "200"}

    def run(self, *arguments: str, seconds: float = 60.0) -> Outcome:
        """One command to its end."""
        ended = subprocess.run(
            self._argv(arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Outcome(ended.returncode, ended.stdout, ended.stderr)

    def start(self, *arguments: str) -> Up:
        """`turnout up` in the foreground, not waited for."""
        number = len(self.ups)
        out, err = self.folder / "tmp" / f"up-{number}.out", self.folder / "tmp" / f"up-{number}.err"
        with out.open("wb") as output, err.open("wb") as errors:
            process = subprocess.Popen(
                self._argv(self.up_arguments(*arguments)),
                cwd=self.folder,
                env=self.environment | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        self.ups.append(Up(process, out, err))
        return self.ups[-1]

    def up(self, *arguments: str, seconds: float = WAIT_SECONDS) -> Up:
        """`turnout up` in the foreground, ready."""
        started = self.start(*arguments)
        until("turnout up is ready", lambda: self._ready(started), seconds)
        return started

    def up_arguments(self, *arguments: str) -> tuple[str, ...]:
        return ("up", "k8s", "--gateway-port", f"80={self.port}", *arguments)

    def _ready(self, started: Up) -> bool:
        assert started.process.poll() is None, f"turnout up ended: {started.err}"
        status = self.try_status()
        return status is not None and status["pid"] == started.pid and is_ready(status)

    def _argv(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "turnout", *arguments]

    # --- what runs

    def client(self) -> Client:
        return Client.from_state(self.state)

    def status(self) -> dict[str, Any]:
        """As `turnout status --json` has it."""
        with self.client() as client:
            return dict(client.view("status"))

    def try_status(self) -> dict[str, Any] | None:
        try:
            return self.status()
        except (TurnoutError, OSError, ValueError):
            return None

    def pods(self, workload: str = "") -> list[dict[str, Any]]:
        """Of one workload, or of all; draining ones included."""
        workloads = self.status()["workloads"]
        return [pod for found in workloads if workload in ("", found["name"]) for pod in found["pods"]]

    def pids(self) -> dict[str, int]:
        """Envoy's and every pod's."""
        return {"envoy": self.status()["envoy"]["pid"], **{pod["name"]: pod["pid"] for pod in self.pods()}}

    def until_status(self, what: str, look: Callable[[dict[str, Any]], T | None], seconds: float = WAIT_SECONDS) -> T:
        """What `look` finds in the status, once it does."""

        def once() -> T | None:
            status = self.try_status()
            return None if status is None else look(status)

        return until(what, once, seconds)

    def get(self, path: str = "/", host: str = manifests.HOST, headers: dict[str, str] | None = None) -> Answer:
        """Through the gateway; status 0: nobody listens, or the connection broke."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"host": host, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers.get("x-version", ""), response.read().decode())
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, "", repr(error))
        finally:
            connection.close()

    # --- what is left

    def processes(self) -> list[psutil.Process]:
        """Everything that was started here and still runs, zombies left out; our own children too."""
        return [process for process in psutil.process_iter() if self._belongs(process)]

    def _belongs(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return bool(process.environ().get("TMPDIR") == str(self.folder / "tmp"))
        except psutil.Error:
            return False

    def assert_nothing_runs(self) -> None:
        """Not one process, grandchildren counted. A process that has just been killed may take a moment to go."""
        until(f"nothing of the site runs, but {self.commands()} does", lambda: not self.processes(), 2.0)

    def commands(self) -> list[str]:
        """Pid and command line of everything that runs."""
        found = []
        for process in self.processes():
            try:
                found.append(f"{process.pid} {' '.join(process.cmdline())[:120]}")
            except psutil.Error:
                continue
        return found

    def close(self) -> None:
        """Whatever the test did, nothing of it stays."""
        for up in self.ups:
            if up.process.poll() is None:
                up.signal(signal.SIGTERM)
        if self.processes():
            self.run("down", seconds=30)
        for process in self.processes():
            try:
                process.kill()
            except psutil.Error:
                continue
        for up in self.ups:
            up.process.wait(timeout=WAIT_SECONDS)


def settings(run: str = "", **more: Any) -> str:
    """turnout.yaml: the image `app` is the service beside it."""
    image = {"context": "app", "run": run or f"{sys.executable} service.py", "watch": ["*.py"], **more}
    return json.dumps({"images": {"app": image}}, indent=2)


def is_ready(status: dict[str, Any]) -> bool:
    """Every replica of every workload is in service, and nothing older is left."""
    workloads = status["workloads"]
    return bool(status["serving"] and status["up_to_date"]) and all(
        sum(pod["ready"] for pod in workload["pods"]) == workload["replicas"] == len(workload["pods"])
        for workload in workloads
    )
