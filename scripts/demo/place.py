"""Where the story is played: the article's application in a working folder, phase after phase."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from scripts.demo.folder import LOOK_SECONDS, NO_TIMEOUT, PROJECT, STABLE_SECONDS, Folder, say
from scripts.demo.row import Calls
from scripts.demo.secret import Secret

EXAMPLE = PROJECT / "examples" / "random-number"
HOST = "rewrite-app-with-istio.test"
URL = f"http://{HOST}/"
PROBE_RATE = 20
REPLACED_SECONDS = 120.0
COMPARED = "8s"
COMPARED_CLIENTS = "40"
COUNTED_SECONDS = 6.0


class Place(Folder):
    """The folder in which the article's steps are done. Methods raise StoryEnds."""

    # --- what happens in the story

    def phase_1(self) -> None:
        """It runs."""
        self.begin("random-number/phase-1")
        self._compile_ahead()

    def _compile_ahead(self) -> None:
        """At its first use Go compiles its standard library, for half a minute: done while the baseline is measured."""
        surroundings = self.surroundings()
        surroundings["cwd"] = EXAMPLE / "phase-3" / "v2"
        surroundings["stdout"] = subprocess.DEVNULL
        surroundings["env"]["CGO_ENABLED"] = "0"  # as in the example's turnout.yaml, else it is compiled again
        command = ["go", "build", "-o", str(self.temporary / "ahead"), "."]
        # Should it fail, then so will Turnout's own build, which says why.
        self._compiling = subprocess.Popen(command, **surroundings, stderr=subprocess.DEVNULL)

    def copy(self, phase: str, replaces: str) -> tuple[int, int]:
        """Copies a phase over the files, and waits until the workload's new version is in service and the old one gone.

        Meanwhile users come: returns how many requests they made, and how many of those failed.
        """
        self._compiling.wait()
        with (
            self.users("--rate", str(PROBE_RATE), f"{URL}healthz") as report,
            self.replaced(replaces, REPLACED_SECONDS),
        ):
            say(f"$ cp -r examples/random-number/{phase}/. .")
            shutil.copytree(EXAMPLE / phase, self.work, dirs_exist_ok=True)
        users = report["requests"]
        # One request may be in flight when the load ends, and counts for nothing; more would be stuck ones.
        return users["finished"], users["failed"] + max(users["unfinished"] - 1, 0)

    def compare(self, service: str, stable: str, candidate: str) -> Secret:
        """`turnout compare`, while the endpoint is used; what it says is shown."""
        with self.users("-c", COMPARED_CLIENTS, f"{URL}random/number"):
            self.shown("compare", service, "--from", stable, "--to", candidate, "--for", COMPARED, "--baseline", "50")
        return Secret.of(self.asked("compare", "report"), self.status())

    def load(self, clients: int, requests: int) -> Mapping[str, Any]:
        """`turnout load`: as many requests, each waited for."""
        arguments = ("load", "-c", str(clients), "-n", str(requests), URL)
        say(f"$ turnout {' '.join(arguments)}")
        ended = self.run(*arguments, "--json", "--timeout", NO_TIMEOUT, stderr=None)  # its progress line is shown
        return self.report(ended.stdout)

    # --- what Turnout says

    def calls(self) -> Calls:
        """As soon as the counters stand still."""
        return self.awaited("the counters stand still", COUNTED_SECONDS + STABLE_SECONDS, Calls.of)

    def calls_after(self, before: Calls, requests: int) -> Calls:
        """As soon as so many users' requests are counted; as it is, if that does not happen."""
        deadline = time.monotonic() + COUNTED_SECONDS
        while (calls := Calls.of(self.status())).users < before.users + requests and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return calls
