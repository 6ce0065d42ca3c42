from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.apiserver.samples import NOW, Served, admit, serving

from turnout.apiserver.store import OBJECTS, Store
from turnout.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "state.db", [OBJECTS])) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database, admit=admit, now=lambda: NOW)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "state.db") as server:
        yield server


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the many tests that change nothing in it."""
    with serving(tmp_path_factory.mktemp("shared") / "state.db") as server:
        yield server
