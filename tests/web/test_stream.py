"""Streams against the real API server: one for all who read the same, closed with the last of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from tests.apiserver.samples import TOKEN, VIEWS, Served, serving

from turnout.apiserver import kubeconfig
from turnout.client import Client
from turnout.error import ApiError
from turnout.web.stream import Batch, Reader, Streams

SECONDS = 10.0


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def served(state: Path) -> Iterator[Served]:
    with serving(state / "state.db") as server:
        kubeconfig.write(state / "kubeconfig", f"http://127.0.0.1:{server.port}", TOKEN)
        yield server


@dataclass
class Shown:
    """What one reader was shown."""

    lines: list[str] = field(default_factory=list)
    missed: int = 0
    refused: list[ApiError] = field(default_factory=list)

    @property
    def reader(self) -> Reader:
        return Reader(self._show, self.refused.append)

    def _show(self, batch: Batch) -> None:
        self.lines[:] = [*([] if batch.anew else self.lines), *batch.lines]
        self.missed += batch.missed


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not look():  # noqa: ASYNC110 - it comes true in a thread
            await asyncio.sleep(0.01)


def reading() -> int:
    return sum(thread.name.startswith("stream ") for thread in threading.enumerate())


@pytest.mark.usefixtures("served")
async def test_two_who_read_the_same_share_a_stream_and_who_comes_later_sees_what_was(state: Path) -> None:
    streams, first, second = Streams(partial(Client.from_state, state)), Shown(), Shown()
    leave_first = streams.read("count", {}, first.reader)
    await until(lambda: first.lines == ["line 0"])
    leave_second = streams.read("count", {}, second.reader)
    assert second.lines == ["line 0"]
    assert reading() == 1
    leave_first()
    assert reading() == 1
    leave_second()
    await until(lambda: reading() == 0)


@pytest.mark.usefixtures("served")
async def test_what_is_too_much_is_left_out_and_counted(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.web.stream.BATCH_SECONDS", 1.0)
    streams, shown = Streams(partial(Client.from_state, state)), Shown()
    leave = streams.read("count", {"to": "30000"}, shown.reader)
    await until(lambda: shown.missed + len(shown.lines) >= 30000 and shown.lines[-1] == "line 29999")
    assert shown.missed > 0
    leave()
    await until(lambda: reading() == 0)


@pytest.mark.usefixtures("served")
async def test_a_refusal_is_told_and_not_asked_for_again(state: Path) -> None:
    streams, shown = Streams(partial(Client.from_state, state)), Shown()
    leave = streams.read("nonsense", {}, shown.reader)
    await until(lambda: bool(shown.refused))
    assert [error.status for error in shown.refused] == [404]
    await until(lambda: reading() == 0)
    leave()


async def test_a_stream_that_was_lost_is_read_anew_when_the_server_is_back(state: Path, served: Served) -> None:
    streams, shown = Streams(partial(Client.from_state, state)), Shown()
    leave = streams.read("count", {}, shown.reader)
    await until(lambda: shown.lines == ["line 0"])
    port = served.port
    await asyncio.to_thread(served.stop)
    shown.lines.append("an old line")
    again = Served(state / "state.db", VIEWS)
    again.start(port)
    await until(lambda: shown.lines == ["line 0"])
    leave()
    await until(lambda: reading() == 0)
    await asyncio.to_thread(again.stop)
