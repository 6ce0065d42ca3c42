from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.workloads.machines import Machine


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    await machine.workloads.stop(1.0)
