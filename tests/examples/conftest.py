"""Starts the example applications, and ends them."""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.examples.apps import PATH, App, Start, Upstream, await_health, handler, image
from tests.ports import free_port

# Loaded by every Python before the program: the example's slowness is shortened to what the test asks for.
SHORT_SLEEP = """
import os, time
_sleep = time.sleep
if "TEST_SLEEP_SECONDS" in os.environ:
    time.sleep = lambda _: _sleep(float(os.environ["TEST_SLEEP_SECONDS"]))
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(folder, image, env=…)`: the image's process, healthy; it is gone when the test ends."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SHORT_SLEEP)
    apps: list[App] = []

    def run(folder: Path, name: str, **env: str) -> App:
        plan, port = image(folder, name), free_port()
        log = tmp_path / f"{len(apps)}.log"
        base = {"PATH": PATH, "PORT": str(port), "PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                shlex.split(plan["run"]), cwd=folder / plan["context"], env=base | env, stdout=output, stderr=output
            )
        apps.append(App(process, port, log))
        await_health(apps[-1])
        return apps[-1]

    yield run
    for app in apps:
        app.process.kill()
        app.process.wait()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(upstream)) as server:
        server.daemon_threads = True
        upstream.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield upstream
        server.shutdown()
        thread.join()
