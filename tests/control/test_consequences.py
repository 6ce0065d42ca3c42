from __future__ import annotations

import asyncio

import pytest

from turnout.control import consequences
from turnout.control.consequences import Consequences
from turnout.problem import Problem, Severity

FOUND = Problem("TNO301", Severity.WARNING, "no such host")


async def test_a_writer_hears_of_the_world_that_knows_its_write() -> None:
    found: list[Problem] = []
    told = Consequences(lambda: found, lambda: 2)
    told.derived(1)
    waiting = asyncio.create_task(told.after())
    await asyncio.sleep(0)
    assert not waiting.done()
    found.append(FOUND)
    told.derived(2)
    assert await waiting == [FOUND]
    assert told.now() == [FOUND]


async def test_a_writer_is_not_kept_waiting_for_remarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consequences, "WAIT_SECONDS", 0.01)
    assert await Consequences(lambda: [FOUND], lambda: 1).after() == ()


async def test_looking_rests_in_proportion_to_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consequences, "REST", 1e6)
    told = Consequences(lambda: [FOUND], lambda: 0)
    assert await told.after() == [FOUND]
    assert await told.after() == ()
    monkeypatch.setattr(told, "_next", 0.0)
    assert await told.after() == [FOUND]
