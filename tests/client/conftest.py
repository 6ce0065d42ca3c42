from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.apiserver.samples import TOKEN, Served, serving

from turnout.apiserver import kubeconfig
from turnout.client import Client


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / ".turnout"
    folder.mkdir()
    return folder


@pytest.fixture
def served(state: Path) -> Iterator[Served]:
    with serving(state / "state.db") as server:
        kubeconfig.write(state / "kubeconfig", f"http://127.0.0.1:{server.port}", TOKEN)
        yield server


@pytest.fixture
def client(served: Served, state: Path) -> Iterator[Client]:
    with Client.from_state(state) as opened:
        yield opened
