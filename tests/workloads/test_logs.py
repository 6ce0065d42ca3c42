# ruff: noqa: ASYNC240 - a test may wait for its own small files
from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from turnout.workloads.logs import KEPT_PER_WORKLOAD, follow, path_of, prune, rotate, tail


async def read(path: Path, lines: int | None) -> list[str]:
    return [line async for line in follow(path, lines, follow=False)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app-bcdfg.log"


@pytest.mark.parametrize(
    ("text", "lines", "expected"),
    [
        ("a\nb\nc\n", None, ["a", "b", "c"]),
        ("a\nb\nc\n", 2, ["b", "c"]),
        ("a\nb\nc\n", 5, ["a", "b", "c"]),
        ("a\nb\nc\n", 0, []),
        ("a\nb\nc", 2, ["b", "c"]),
        ("a\r\n\n", 2, ["a", ""]),
        ("", 3, []),
        ("x" * 200_000 + "\nb\n", 1, ["b"]),
    ],
)
async def test_the_last_lines_come_first(log: Path, text: str, lines: int | None, expected: list[str]) -> None:
    log.write_bytes(text.encode())
    assert await read(log, lines) == expected


async def test_what_is_no_utf8_is_shown_all_the_same(log: Path) -> None:
    log.write_bytes(b"caf\xe9\n")
    assert await read(log, None) == ["caf\ufffd"]


async def test_a_line_without_end_is_handed_out_in_pieces(log: Path) -> None:
    log.write_bytes(b"x" * 200_000)
    pieces = await read(log, None)
    assert "".join(pieces) == "x" * 200_000
    assert max(map(len, pieces)) <= 128 * 1024


async def test_a_log_that_is_not_there_is_empty(log: Path) -> None:
    assert await read(log, 10) == []


async def test_new_lines_are_followed_and_a_file_that_appears_is_found(log: Path) -> None:
    async with aclosing(follow(log, 10, follow=True)) as lines:  # type: ignore[type-var] # an async generator it is
        first = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        log.write_text("one\ntw")
        assert await first == "one"
        with log.open("a") as file:
            file.write("o\n")
        assert await anext(lines) == "two"


async def test_a_rotation_loses_no_line_to_whoever_follows(log: Path) -> None:
    log.write_text("1\n2\n")
    async with aclosing(follow(log, None, follow=True)) as lines:  # type: ignore[type-var] # an async generator it is
        assert [await anext(lines), await anext(lines)] == ["1", "2"]
        with log.open("a") as file:
            file.write("3\n4\n")
            file.flush()
            assert rotate(log, limit_bytes=5)
            file.write("5\n")
        assert [await anext(lines) for _ in range(3)] == ["3", "4", "5"]


async def test_after_a_rotation_the_last_lines_come_from_both_files(log: Path) -> None:
    log.write_text("1\n2\n3\n")
    rotate(log, limit_bytes=1)
    log.write_text("4\n")
    assert await read(log, 3) == ["2", "3", "4"]
    assert await read(log, None) == ["1", "2", "3", "4"]
    assert await read(log, 1) == ["4"]


def test_a_process_that_appends_goes_on_in_the_file_that_was_cut(log: Path) -> None:
    with log.open("ab", buffering=0) as process:
        process.write(b"x" * 100)
        assert not rotate(log, limit_bytes=101)
        assert rotate(log, limit_bytes=100)
        assert log.stat().st_size == 0
        process.write(b"after\n")
    assert log.read_bytes() == b"after\n"
    assert sorted(path.name for path in log.parent.iterdir()) == [log.name, log.name + ".1"]
    assert not rotate(log.with_name("none.log"))


def test_logs_of_pods_that_are_gone_are_few(tmp_path: Path) -> None:
    names = [f"app-bcdf{letter}" for letter in "bcdfghjk"]
    for age, name in enumerate(names):
        path_of(tmp_path, name).touch()
        os.utime(path_of(tmp_path, name), (age, age))
    for other in ("app-v2-bcdfb", "app-build", "apple-bcdfb"):
        path_of(tmp_path, other).touch()
    prune(tmp_path, "app", alive=[names[0]])
    kept = {path.stem for path in tmp_path.iterdir()}
    assert kept == {names[0], *names[-KEPT_PER_WORKLOAD:], "app-v2-bcdfb", "app-build", "apple-bcdfb"}


def test_last_words_leave_out_empty_lines_and_earlier_runs(log: Path) -> None:
    log.write_text("old\n")
    assert tail(log, 1, since=4) == []
    log.write_text("old\nTraceback\n  KeyError: 'x'\n\n")
    assert tail(log, 1, since=4) == ["KeyError: 'x'"]
    assert tail(log, 2) == ["Traceback", "KeyError: 'x'"]
    log.write_text("\x1b[31mred\x1b[0m \x07alert\n")
    assert tail(log, 1) == ["red alert"]
    log.write_text("y" * 500)
    assert tail(log, 1, since=100_000) == ["y" * 200]
