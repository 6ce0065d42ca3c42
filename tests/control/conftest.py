from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def runtime() -> Iterator[Path]:
    """Short enough for sockets, which pytest's own folders need not be."""
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        yield Path(folder)
