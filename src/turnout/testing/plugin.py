"""The pytest plugin: the fixture `mesh`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from turnout.testing.engine import Engine
    from turnout.testing.mesh import Mesh


@pytest.fixture(scope="session")
def turnout_engine() -> Iterator[Engine]:
    """One Envoy for all tests of the session, started by the first that needs it."""
    from turnout.testing.engine import running_engine  # noqa: PLC0415 - every pytest run loads the plugin

    with running_engine() as engine:
        yield engine


@pytest.fixture
def mesh(turnout_engine: Engine) -> Iterator[Mesh]:
    """An empty mesh, on a real Envoy: `mesh.apply("k8s/")`, `mesh.get("http://reviews/").version`. docs/testing.md."""
    from turnout.testing.mesh import Mesh  # noqa: PLC0415 - every pytest run loads the plugin

    own = Mesh(turnout_engine)
    yield own
    own.close()
