"""The examples of docs/testing.md are run as a reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "testing.md"
EXAMPLES = dict(re.findall(r"^```python\n# (test_\w+\.py)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.e2e
def test_every_example_passes(tmp_path: Path) -> None:
    assert len(EXAMPLES) == 3
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "examples").symlink_to(PROJECT / "examples")

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:asyncio", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert run.returncode == 0, run.stdout + run.stderr
