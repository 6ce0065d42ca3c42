"""docs/from-the-article.md is true: its commands, typed in their order in a copy of the examples, do what it says.

Only two things are shortened: how long `turnout load` runs, and how long the example's slow part sleeps.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.site import Outcome, Site, until

from turnout.client import Client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "from-the-article.md"
HOST = "rewrite-app-with-istio.test"
SERVICE = "rewrite-app-with-istio"
LOAD = f"turnout load -c 10 -t 60s http://{HOST}/"
SLEEP = "time.sleep(random.randint(0, 1))"
COMMAND_SECONDS = 100.0
"""Go's first build compiles its standard library."""


def chapters() -> list[list[str]]:
    """The page's commands, from one way into a folder to the next: each chapter begins and ends in the same folder."""
    found: list[list[str]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            assert line.startswith("$ "), f"every line of a console block is a command: {line}"
            if line.startswith(("$ cd examples/", '$ cd "$(mktemp')):
                found.append([])
            found[-1].append(line.removeprefix("$ "))
    return found


@dataclass
class Reader:
    """Somebody who types a chapter's commands one after another, in a shell that stands in a copy of the project."""

    site: Site
    chapter: list[str]
    typed: int = 0
    requests: int = 0
    """Sent through the Gateway so far."""
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.site.folder

    def types(self, *commands: str, status: int = 0) -> str:
        """The chapter's next commands, which must be these; returns what the last one printed."""
        for command in commands:
            assert self.chapter[self.typed] == command, "the page's next command"
            self.typed += 1
            outcome = self._run(command.replace("-t 60s", "-t 2s"))
            assert outcome.status == status, f"$ {command}\n{outcome.out}{outcome.err}"
            self.requests += sum(map(int, re.findall(r"^Transactions: +(\d+) hits", outcome.out, re.MULTILINE)))
        return outcome.out

    def _run(self, command: str) -> Outcome:
        """In a shell of its own, which goes on where the last one was."""
        where = self.site.folder / "tmp" / "pwd"
        script = f"{command}\nstatus=$?\npwd > '{where}'\nexit $status"
        path = f"{self.site.folder / 'bin'}:{Path(sys.executable).parent}:{self.site.environment['PATH']}"
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.site.environment | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        self.folder = Path(where.read_text().strip())
        return Outcome(ended.returncode, ended.stdout, ended.stderr)

    def finished(self) -> None:
        """Every command of the chapter was typed, the shell is back where it began, and nothing runs."""
        assert self.typed == len(self.chapter), f"not typed: {self.chapter[self.typed :]}"
        self.site.assert_nothing_runs()

    # --- what the reader sees

    def status(self) -> dict[str, Any]:
        with Client.from_state(self.folder / ".turnout") as client:
            return dict(client.view("status"))

    def pods(self, workload: str) -> set[str]:
        """Of the workload, if all are in service; else none."""
        pods = [p for found in self.status()["workloads"] if found["name"] == workload for p in found["pods"]]
        return {pod["name"] for pod in pods} if all(pod["ready"] for pod in pods) else set()

    def copies(self, command: str, workload: str) -> None:
        """Copies a phase over the files, and looks on until the workload's pods are new ones."""
        before = self.pods(workload)
        self.types(command)
        until(f"new pods of {workload}", lambda: (now := self.pods(workload)) and not now & before, COMMAND_SECONDS)

    def weights(self) -> list[dict[str, str]]:
        """In percent, of the routes that split."""
        found = next(service for service in self.status()["services"] if service["name"] == SERVICE)
        return [route["weights"] for route in found["routes"]]

    def number_from(self) -> str:
        """Who answers /random/number."""
        self.requests += 1
        answer = self.site.get("/random/number", host=HOST)
        return str(json.loads(answer.body)["endpoint_version"]) if answer.status == 200 else str(answer.status)

    def calls(self, subset: str) -> int:
        """How many of the application's own calls the subset has answered, once all requests are counted."""
        until(
            f"{self.requests} requests are counted", lambda: self._hops(source="istio-ingressgateway") == self.requests
        )
        return self._hops(source=f"{SERVICE}-blue", subset=subset)

    def _hops(self, **of: str) -> int:
        hops = self.status()["hops"]
        return sum(hop["requests"] for hop in hops if of.items() <= hop.items() and not hop["mirrored"])


@pytest.fixture
def reader() -> Iterator[Callable[[int], Reader]]:
    """`reader(chapter)`: in a folder that looks like the project's."""
    site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    shutil.copytree(PROJECT / "examples", site.folder / "examples", ignore=shutil.ignore_patterns("work", ".turnout"))
    (site.folder / "tmp").mkdir()
    (site.folder / "bin").mkdir()
    command = site.folder / "bin" / "turnout"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m turnout "$@"\n')
    command.chmod(0o755)
    for file in (site.folder / "examples" / "random-number").rglob("app.py"):
        text = file.read_text()
        assert SLEEP in text
        file.write_text(text.replace(SLEEP, "time.sleep(random.randint(0, 1) / 100)"))
    for file in site.folder.rglob("turnout.yaml"):
        with file.open("a") as settings:
            settings.write(f"gatewayPorts: {{80: {site.port}}}\n")  # 8080 may be taken here
    yield lambda chapter: Reader(site, chapters()[chapter])
    try:
        site.close()
    finally:
        shutil.rmtree(site.folder, ignore_errors=True)


def all_well(report: str) -> bool:
    return "Availability:                 100.00 %" in report


def test_refactoring_an_application_safely(reader: Callable[[int], Reader]) -> None:
    shell = reader(0)
    shell.types("cd examples/random-number", "cp -r phase-1 work", "cd work", "turnout up -d")
    assert SERVICE in shell.types("turnout status")
    assert all_well(shell.types(f"turnout load -n 1 http://{HOST}/"))
    assert all_well(shell.types(LOAD))
    shell.types("turnout status")
    assert shell.number_from() == "404", "in phase 1 it is a function"

    shell.copies("cp -r ../phase-2/. .", f"{SERVICE}-blue")
    assert all_well(shell.types(LOAD))
    shell.types("turnout status")
    assert shell.number_from() == "v1"

    shell.copies("cp -r ../phase-3/. .", f"{SERVICE}-green")
    assert all_well(shell.types(LOAD)), "green exists, and nobody uses it"
    assert "green" in shell.types("turnout status")
    assert shell.calls("green") == 0

    shell.types(f"turnout shift {SERVICE} green=1")
    assert shell.weights() == [{"green": "1", "blue": "99"}] * 2
    failing = shell.types(LOAD, status=1)
    codes = dict(re.findall(r"(\d{3}): (\d+)", failing.partition("Status codes")[2]))
    assert codes.keys() == {"200", "500"}
    assert int(codes["500"]) > 0.05 * (int(codes["200"]) + int(codes["500"])), "far more than 1 % of the users"
    shell.types("turnout status")
    assert "JSONDecodeError" in shell.types(f"turnout logs {SERVICE}-blue --lines 2000")
    shell.types("turnout undo")
    assert shell.weights() == [{"green": "0", "blue": "100"}] * 2
    assert json.loads(shell.types("turnout status --json"))["problems"] == []

    shell.copies("cp -r ../phase-3-fixed/. .", f"{SERVICE}-green")
    shell.types(f"turnout shift {SERVICE} green=1")
    assert all_well(shell.types(LOAD))
    shell.types(f"turnout shift {SERVICE} green=50 --write")
    for name in ("ingress", "cluster"):
        text = (shell.folder / "manifests" / f"{name}.yaml").read_text()
        assert text.count("weight: 50") == 2
        assert "# whatever no route above has taken" in text
    assert all_well(shell.types(LOAD))

    shell.types(f"turnout shift {SERVICE} green=100 --write")
    assert shell.number_from() == "v2"
    blue, green = shell.calls("blue"), shell.calls("green")
    assert all_well(shell.types(LOAD))
    shell.types("turnout status")
    assert shell.calls("blue") == blue
    assert shell.calls("green") > green
    shell.types("turnout down", "cd ../../..")
    shell.finished()


def test_dark_launch(reader: Callable[[int], Reader]) -> None:
    shell = reader(1)
    shell.types("cd examples/dark-launch", "turnout up -d")
    assert all_well(shell.types("turnout load -n 1000 --rate 200 http://customer.test/"))

    def versions() -> dict[str, tuple[int, int]]:
        found = next(service for service in shell.status()["services"] if service["name"] == "recommendation")
        return {version["subset"]: (version["requests"], version["copies"]) for version in found["versions"]}

    until(
        "every answer is v1's, and v2 has a copy of each",
        lambda: versions() == {"version-v1": (1000, 0), "version-v2": (0, 1000)},
    )
    assert "recommendation" in shell.types("turnout status")
    assert shell.types("turnout logs recommendation-v2")

    def mirrors() -> list[str]:
        return [
            copy for service in shell.status()["services"] for route in service["routes"] for copy in route["mirror"]
        ]

    assert mirrors() == ["version-v2"]
    shell.types("turnout mirror recommendation --off")
    assert mirrors() == []
    shell.types("turnout mirror recommendation --to version-v2 --percent 50 --methods GET,HEAD")
    assert mirrors() == ["version-v2"]
    shell.types("turnout undo")
    assert mirrors() == []
    shell.types("turnout down", "cd ../..")
    shell.finished()


def test_a_service_of_your_own(reader: Callable[[int], Reader]) -> None:
    shell = reader(2)
    shell.types('cd "$(mktemp -d)"', "turnout init reviews v1 v2")
    text = "".join(file.read_text() for file in shell.folder.rglob("*.yaml"))
    assert all(word in text for word in ("kind: DestinationRule", "kind: VirtualService", "images:"))
    shell.finished()


def test_every_command_of_the_page_belongs_to_a_chapter_that_is_typed_here() -> None:
    assert [chapter[0] for chapter in chapters()] == [
        "cd examples/random-number",
        "cd examples/dark-launch",
        'cd "$(mktemp -d)"',
    ]
