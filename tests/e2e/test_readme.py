"""The README's sixty seconds are true: its commands, typed in their order, do what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.site import Site, until

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).parents[2]
FOLDER = "cd examples/hello"


def commands() -> list[str]:
    """Every line of its console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```$", (PROJECT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


@pytest.fixture
def hello() -> Iterator[Site]:
    """A copy of the example whose gateway listens on a free port."""
    site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    shutil.copytree(PROJECT / "examples" / "hello", site.folder, dirs_exist_ok=True)
    (site.folder / "tmp").mkdir()
    with (site.folder / "turnout.yaml").open("a") as settings:
        settings.write(f"gatewayPorts: {{80: {site.port}}}\n")
    yield site
    try:
        site.close()
    finally:
        shutil.rmtree(site.folder, ignore_errors=True)


def test_sixty_seconds(hello: Site) -> None:
    def types(command: str) -> str:
        line = command.replace("turnout ", f"{sys.executable} -m turnout ", 1).replace("-n 1000", "-n 400")
        done = subprocess.run(
            line.split(),
            cwd=hello.folder,
            env=hello.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def answered() -> dict[str, tuple[int, int]]:
        (service,) = hello.status()["services"]
        return {version["subset"]: (version["requests"], version["copies"]) for version in service["versions"]}

    install, folder, up, load, shift, again, undo, mirror, once_more, status, down = commands()
    assert (install, folder) == ("pip install .", FOLDER)
    types(up)
    assert re.search(r"^v1 +400 +100\.00 +0 ", types(load), re.MULTILINE)
    assert "v1 100 → 90, v2 0 → 10" in types(shift)
    shares = dict(re.findall(r"^(v\d) +(\d+) ", types(again), re.MULTILINE))
    assert 0 < int(shares["v2"]) < 120, "a tenth, by chance"
    assert "undone: shift hello v2=10" in types(undo)
    types(mirror)
    types(once_more)
    until("v2 has had a copy of each", lambda: answered()["v2"][1] == 400)
    assert "v2" in types(status)
    types(down)
    hello.assert_nothing_runs()
