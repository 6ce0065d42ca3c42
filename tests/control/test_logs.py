"""Several logs as one: what there is, and what is added, also by pods that come later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnout.control.logs import merged

SECONDS = 10


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / f"{name}.log" for name in ("app-aaaaa", "app-bbbbb")}
    for name, path in found.items():
        path.write_text(f"{name} begins\n")
    return found


async def some(lines: AsyncIterator[str], count: int) -> list[str]:
    async with asyncio.timeout(SECONDS):
        return [await anext(lines) for _ in range(count)]


async def test_one_log_is_shown_as_it_is_and_ends(paths: dict[str, Path]) -> None:
    assert [line async for line in merged({"app-aaaaa": paths["app-aaaaa"]}, 100)] == ["app-aaaaa begins"]


async def test_lines_of_several_are_headed_by_their_pods(paths: dict[str, Path]) -> None:
    found = {line async for line in merged(paths, 100)}
    assert found == {"app-aaaaa | app-aaaaa begins", "app-bbbbb | app-bbbbb begins"}


async def test_nothing_to_read_is_at_its_end_at_once() -> None:
    assert [line async for line in merged({}, 100)] == []


async def test_a_pod_that_comes_is_followed_from_its_first_line_and_one_that_is_gone_no_more(
    paths: dict[str, Path],
) -> None:
    old, new = paths.items()
    current = dict([old])
    lines = merged(dict([old]), 100, lambda: current)
    assert await some(lines, 1) == ["app-aaaaa begins"]
    current.update([new])
    assert await some(lines, 1) == ["app-bbbbb | app-bbbbb begins"]
    del current[old[0]]
    with old[1].open("a") as log:
        log.write("its last words\n")
    assert await some(lines, 1) == ["app-aaaaa | its last words"]
    with new[1].open("a") as log:
        log.write("goes on\n")
    assert await some(lines, 1) == ["app-bbbbb | goes on"]
    await lines.aclose()
    assert len(asyncio.all_tasks()) == 1


async def test_with_nothing_to_follow_yet_the_first_pod_is_waited_for(paths: dict[str, Path]) -> None:
    current: dict[str, Path] = {}
    lines = merged({}, 100, lambda: current)
    waiting = asyncio.create_task(some(lines, 1))
    await asyncio.sleep(0)
    current.update(paths)
    assert len(await waiting) == 1
    await lines.aclose()
