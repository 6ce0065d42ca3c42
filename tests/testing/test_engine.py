"""What is left behind: nothing, however a test run ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.e2e

HANG = """
import time
def test_hangs(mesh):
    assert mesh.get("http://a/").status == 502
    print("RUNNING", flush=True)
    time.sleep(60)
"""


def test_a_killed_test_run_takes_its_envoy_along(tmp_path: Path) -> None:
    (tmp_path / "test_hang.py").write_text(HANG)
    argv = [sys.executable, "-m", "pytest", "-s", "-p", "no:asyncio", "-p", "no:cacheprovider", "test_hang.py"]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert any("RUNNING" in line for line in run.stdout)
        left = psutil.Process(run.pid).children(recursive=True)
        folders = [Path(part).parent for each in left for part in each.cmdline() if part.endswith("envoy.json")]
        run.send_signal(signal.SIGKILL)

    assert len(folders) == 1
    gone, alive = psutil.wait_procs(left, timeout=5)
    assert (len(gone) >= 2, alive) == (True, [])
    until = time.monotonic() + 5
    while folders[0].exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not folders[0].exists()
