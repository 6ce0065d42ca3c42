"""The simulator and a real Envoy agree on whatever is asked: generated meshes, generated requests."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.simulator.asked import Asked, Chances, disagreements
from tests.simulator.generated import drawn, text
from tests.simulator.kinds import ACTIONS, MATCHES, kinds

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

REQUESTS = 12
"""Of each mesh."""
SHORT, LONG = 40, 2000
"""Meshes."""
OFTEN = 50
"""So many times every kind is met in the long run."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked() -> AsyncIterator[Asked]:
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        site = Asked(Path(folder))
        await site.start()
        yield site
        await site.stop()


async def compared(asked: Asked, meshes: int) -> Counter[str]:
    """How often what was met. Asserts that Envoy did what was said, and took every mesh."""
    met: Counter[str] = Counter()
    chances, wrong = Chances(), []
    for objects, requests in drawn(meshes, REQUESTS):
        await asked.serve(text(objects))
        for each in requests:
            told = asked.told(each)
            got = await asked.got(each)
            chances.add(told, got)
            found = list(disagreements(told, got))
            wrong += [f"{each}: {'; '.join(found)}\n{told}\n{text(objects)}"] if found else []
            met.update(set(kinds(told, objects)))
            met["requests"] += 1
    assert not wrong, f"{len(wrong)} of {met['requests']}, the first of them:\n{wrong[0]}"
    assert chances.deviations < 5, chances
    return met


async def test_envoy_does_what_was_said(asked: Asked) -> None:
    met = await compared(asked, SHORT)
    assert met["requests"] == SHORT * REQUESTS
    assert met["no catch-all"] > SHORT * REQUESTS / 4
    assert len(met.keys() & (MATCHES | ACTIONS)) > len(MATCHES | ACTIONS) / 2, "most kinds are met"


@pytest.mark.soak
@pytest.mark.timeout(1200)
async def test_envoy_does_what_was_said_of_everything(asked: Asked) -> None:
    met = await compared(asked, LONG)
    assert met["no catch-all"] * 2 >= met["requests"] >= 2000
    assert {kind: met[kind] for kind in MATCHES | ACTIONS if met[kind] < OFTEN} == {}
