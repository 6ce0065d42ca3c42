"""When the dashboard's process ends by itself."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from nicegui.client import Client as Browser
from tests.web.waiting import until

from turnout.web import server


class Stopping:
    """As much of a uvicorn server as is looked at."""

    should_exit = False


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.01)


async def test_it_leaves_when_nobody_has_looked_for_a_while() -> None:
    stopping = Stopping()
    await asyncio.wait_for(server._leave_when_idle(stopping), 5)  # type: ignore[arg-type] # all that it asks of a server
    assert stopping.should_exit


async def test_it_stays_while_a_browser_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping, browser = Stopping(), SimpleNamespace(has_socket_connection=True)
    monkeypatch.setattr(Browser, "instances", {"one": browser})
    leaving = asyncio.create_task(server._leave_when_idle(stopping))  # type: ignore[arg-type] # all that it asks of a server
    await asyncio.sleep(0.4)
    assert not stopping.should_exit
    browser.has_socket_connection = False
    await until(lambda: stopping.should_exit)
    await leaving
