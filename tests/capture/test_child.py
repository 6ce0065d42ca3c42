"""The comparer's process, beside an admin interface that hands out what it is told to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psutil
import pytest
from tests.capture.answers import CANDIDATE, HOST, JSON, STABLE, batch, copied, raw

from turnout.capture import child
from turnout.capture.child import Comparer
from turnout.capture.config import ComparerConfig
from turnout.error import ProgramNotFound, StateBroken

OCCUPIED = b"An attached /tap admin stream already exists. Detach it."


class Admin:
    """Answers each POST /tap with the next of `answers`, and once they are used up with nothing, after a while.

    `told`: what else it was asked to do.
    """

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[JSON] = []
        self.told: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.partition("content-length: ")[2].split("\r\n")[0])
            asked = await reader.readexactly(length)
            if head.startswith("POST /tap "):
                status, body = await self._captured(json.loads(asked))
            else:
                self.told.append(unquote(head.split()[1]))
                status, body = 200, b"OK\n"
            writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            with suppress(ConnectionError):  # whoever asked may have been killed
                await writer.drain()

    async def _captured(self, asked: JSON) -> tuple[int, bytes]:
        self.asked.append(asked)
        if not self.answers:
            await asyncio.sleep(0.1)
        return self.answers.pop(0) if self.answers else (200, b"\n")


@asynccontextmanager
async def listening(admin: Admin, socket: Path) -> AsyncIterator[None]:
    server = await asyncio.start_unix_server(admin.serve, socket)
    try:
        yield
    finally:
        server.close()


def pair(number: int, candidate: bytes = b"2") -> bytes:
    key = f"k{number}"
    return batch(raw(key, body=b"1"), copied("v2", key=key, body=candidate), copied("v1", key=key, body=b"1"))


@pytest.fixture
async def comparer(tmp_path: Path) -> AsyncIterator[Comparer]:
    """Not started; ended after the test, whatever happened."""
    found = Comparer(dict(os.environ), tmp_path / "comparer.log")
    yield found
    if found.pid is not None:
        os.kill(found.pid, signal.SIGCONT)
    await found.stop()
    assert found.pid is None


def config(folder: Path) -> ComparerConfig:
    return ComparerConfig(str(folder / "admin.sock"), HOST, STABLE, CANDIDATE, redaction_key="0badcafe")


async def until(what: str, look: Callable[[], Any]) -> Any:
    async with asyncio.timeout(20):
        while not (found := look()):  # noqa: ASYNC110 - what another process does must be looked at
            await asyncio.sleep(0.02)
    assert found, what
    return found


def pairs(comparer: Comparer) -> int:
    return int(comparer.latest["pairs"]["candidate"])


async def test_what_envoy_hands_out_is_compared_and_the_last_word_is_waited_for(
    comparer: Comparer, tmp_path: Path
) -> None:
    admin = Admin(*((200, pair(number)) for number in range(20)))
    async with listening(admin, tmp_path / "admin.sock"):
        await comparer.start(config(tmp_path))
        assert comparer.latest == child.NOTHING_YET
        await until("all pairs are there", lambda: pairs(comparer) == 20)
        last = await comparer.stop()
    assert (last["verdict"], last["pairs"]) == ("difference", {"candidate": 20, "baseline": 20})
    assert admin.told[0] == "/runtime_modify?turnout.copied={numerator: 600, denominator: TEN_THOUSAND}"
    assert admin.told[-1] == "/runtime_modify?turnout.copied=", "nothing is left behind"
    assert comparer.tally is not None
    assert "tally" not in last
    assert (tmp_path / "comparer.log").read_text() == ""


async def test_it_asks_for_batches_that_end_by_themselves_in_the_one_format_that_is_safe(
    comparer: Comparer, tmp_path: Path
) -> None:
    admin = Admin()
    async with listening(admin, tmp_path / "admin.sock"):
        await comparer.start(config(tmp_path))
        await until("it has asked", lambda: admin.asked)
    output = admin.asked[0]["tap_config"]["output_config"]
    (sink,) = output["sinks"]
    assert sink["format"] == "JSON_BODY_AS_BYTES"
    assert sink["buffered_admin"]["timeout"] == "1.0s"
    assert sink["buffered_admin"]["max_traces"] * output["max_buffered_tx_bytes"] <= 12 << 20


async def test_one_that_is_killed_is_followed_by_another_that_goes_on(
    comparer: Comparer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "PAUSE_SECONDS", 0.0)
    tally = await tallied(tmp_path, range(20))
    admin = Admin()
    async with listening(admin, tmp_path / "admin.sock"):
        await comparer.start(config(tmp_path), tally)
        await until("it has taken over", lambda: pairs(comparer) == 20)
        killed = comparer.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until("another runs", lambda: comparer.pid not in (None, killed))
        asked = len(admin.asked)
        await until("it asks", lambda: len(admin.asked) > asked + 1)
        admin.answers += [(200, pair(number)) for number in range(20, 25)]
        await until("another has gone on", lambda: pairs(comparer) == 25)
        assert comparer.pid != killed
        assert "ended 1 time" in comparer.latest["problem"]


async def tallied(folder: Path, numbers: range) -> dict[str, Any]:
    """What a comparer came to that saw these pairs."""
    first = Comparer(dict(os.environ), folder / "first.log")
    async with listening(Admin(*((200, pair(number)) for number in numbers)), folder / "admin.sock"):
        await first.start(config(folder))
        await until("all are there", lambda: pairs(first) == len(numbers))
        await first.stop()
    (folder / "admin.sock").unlink(missing_ok=True)
    assert first.tally is not None
    return first.tally


async def test_one_that_says_nothing_any_more_is_ended_and_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(child, "SILENT_SECONDS", 1.0)
    speaks_once = (
        f"import time; print({json.dumps(child.NOTHING_YET | {'captured': 7})!r}, flush=True); time.sleep(600)"
    )
    comparer = Comparer(dict(os.environ), tmp_path / "log", (sys.executable, "-c", speaks_once))
    await comparer.start(config(tmp_path))
    silent = comparer.pid
    assert silent is not None
    await until("another runs", lambda: comparer.pid not in (None, silent))
    assert not psutil.pid_exists(silent)
    assert "ended" in comparer.latest["problem"]
    monkeypatch.setattr(child, "LAST_WORDS_SECONDS", 0.1)
    assert (await comparer.stop())["captured"] in (0, 7)


async def test_one_that_is_stopped_is_not_waited_for_long(
    comparer: Comparer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "LAST_WORDS_SECONDS", 0.2)
    async with listening(Admin((200, pair(1))), tmp_path / "admin.sock"):
        await comparer.start(config(tmp_path))
        await until("it has spoken", lambda: pairs(comparer) == 1)
        assert comparer.pid is not None
        os.kill(comparer.pid, signal.SIGSTOP)
        last = await asyncio.wait_for(comparer.stop(), 5)
    assert last["pairs"]["candidate"] == 1


async def test_one_that_always_dies_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "PAUSE_SECONDS", 0.0)
    runs = tmp_path / "runs"
    program = (sys.executable, "-c", f"open({str(runs)!r}, 'a').write('x')")
    comparer = Comparer(dict(os.environ), tmp_path / "comparer.log", program)
    await comparer.start(config(tmp_path))
    await until("it is given up", lambda: "not started again" in (comparer.latest["problem"] or ""))
    assert runs.read_text() == "x" * child.MOST_STARTS
    await comparer.stop()


async def started(folder: Path) -> asyncio.subprocess.Process:
    """By itself, and it has spoken."""
    told = json.dumps({"config": json.loads(config(folder).as_json()), "tally": None})
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*child.PROGRAM, stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(told.encode() + b"\n")
    assert await process.stdout.readline()
    return process


async def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    process = await started(tmp_path)
    assert process.stdin is not None
    process.stdin.close()
    out, err = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, err) == (0, b"")
    assert "tally" in json.loads(out.splitlines()[-1])


async def test_it_ends_when_nobody_listens_to_it_any_more(tmp_path: Path) -> None:
    process = await started(tmp_path)
    assert process.stderr is not None
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]  # asyncio has no word for it
    assert await asyncio.wait_for(process.stderr.read(), 10) == b""
    assert await process.wait() == 0


async def test_a_tap_that_somebody_else_uses_is_told_and_waited_for(comparer: Comparer, tmp_path: Path) -> None:
    admin = Admin(*[(400, OCCUPIED)] * 8)
    async with listening(admin, tmp_path / "admin.sock"):
        await comparer.start(config(tmp_path))
        await until("it is told", lambda: "somebody else" in (comparer.latest["problem"] or ""))
        admin.answers = [(200, pair(1))]
        await until("it goes on", lambda: pairs(comparer) == 1)
        await until("nothing is wrong any more", lambda: comparer.latest["problem"] is None)


async def test_an_envoy_that_is_away_is_waited_for(comparer: Comparer, tmp_path: Path) -> None:
    await comparer.start(config(tmp_path))
    await until("it is told", lambda: "Envoy" in (comparer.latest["problem"] or ""))
    async with listening(Admin((200, pair(1))), tmp_path / "admin.sock"):
        await until("it goes on", lambda: pairs(comparer) == 1)


async def test_what_cannot_be_started_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProgramNotFound):
        await Comparer({}, tmp_path / "log", ("/nowhere/comparer",)).start(config(tmp_path))
    with pytest.raises(StateBroken):
        await Comparer({}, tmp_path / "no" / "log").start(config(tmp_path))


async def test_without_a_start_there_is_nothing_to_stop(tmp_path: Path) -> None:
    assert await Comparer({}, tmp_path / "log").stop() == child.NOTHING_YET


def test_a_configuration_survives_being_written_down(tmp_path: Path) -> None:
    whole = config(tmp_path)
    assert ComparerConfig.from_json(whole.as_json()) == whole
    assert whole.redaction_key not in repr(whole)
    for wrong in ("{}", "[]", '{"host": "a"}', whole.as_json().replace('"host"', '"hots"')):
        with pytest.raises(ValueError, match=r"."):
            ComparerConfig.from_json(wrong)
