"""The example applications as processes, started the way their turnout.yaml says."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
RANDOM_NUMBER = EXAMPLES / "random-number"
DARK_LAUNCH = EXAMPLES / "dark-launch"
PHASES = ("phase-1", "phase-2", "phase-3", "phase-3-fixed")

# `python3` and `go` are this environment's.
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class App:
    """One running process, listening on `port`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        return self.process.wait(timeout=20)


Start = Callable[..., App]


def checkout(work: Path, *phases: str) -> Path:
    """What a reader has after copying these phases over each other."""
    for phase in phases:
        shutil.copytree(RANDOM_NUMBER / phase, work, dirs_exist_ok=True)
    return work


def manifests(folder: Path) -> list[dict[str, Any]]:
    texts = [path.read_text() for path in sorted((folder / "manifests").glob("*.yaml"))]
    return [document for text in texts for document in yaml.safe_load_all(text)]


def image(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "turnout.yaml").read_text())["images"][name]
    return found


def build(folder: Path, name: str) -> None:
    """As Turnout does: the command, in the image's context."""
    plan = image(folder, name)
    environment = os.environ | {"PATH": PATH, "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    subprocess.run(plan["build"], shell=True, check=True, cwd=folder / plan["context"], env=environment)


def healthy(app: App) -> bool:
    try:
        return app.get("/healthz").status == 200
    except OSError:
        return False


def await_health(app: App) -> None:
    deadline = time.monotonic() + 20
    while not healthy(app):
        assert app.process.poll() is None, app.log.read_text()
        assert time.monotonic() < deadline, app.log.read_text()
        time.sleep(0.02)


@dataclass(slots=True)
class Upstream:
    """An HTTP server, also a forward proxy to nowhere: remembers what it was asked, answers what it is told to."""

    port: int = 0
    status: int = 200
    body: bytes = b"{}"
    close_after_each: bool = False
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def handler(upstream: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one write, else the second waits for an acknowledgement

        def do_GET(self) -> None:
            upstream.connections.add(self.client_address)
            upstream.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(upstream.status)
            self.send_header("content-length", str(len(upstream.body)))
            self.end_headers()
            self.wfile.write(upstream.body)
            self.close_connection = upstream.close_after_each  # without saying so beforehand

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    return Handler
