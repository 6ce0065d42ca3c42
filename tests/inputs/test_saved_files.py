"""Saved files are seen, however an editor saves them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from turnout.inputs.watch import changes


class Seen:
    """Collects what is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.batches = 0
        self.arrived = asyncio.Event()

    def add(self, batch: set[Path]) -> None:
        self.paths += batch
        self.batches += 1
        self.arrived.set()

    async def until(self, path: Path) -> None:
        async with asyncio.timeout(5):
            while path not in self.paths:
                self.arrived.clear()
                await self.arrived.wait()


@asynccontextmanager
async def watching(*paths: Path) -> AsyncIterator[Seen]:
    seen, stop = Seen(), asyncio.Event()

    async def follow() -> None:
        async for batch in changes(paths, stop):
            seen.add(batch)

    task = asyncio.create_task(follow())
    for _ in range(10):  # the first steps set the watches up
        await asyncio.sleep(0)
    try:
        yield seen
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await task


def saved_by_rename(path: Path) -> None:
    fresh = path.with_name(f".{path.name}.swp")
    fresh.write_text("new")
    fresh.rename(path)


def saved_through_a_backup(path: Path) -> None:
    path.rename(f"{path}~")
    path.write_text("new")


def saved_in_place(path: Path) -> None:
    path.write_text("new")


SAVES: list[Callable[[Path], None]] = [saved_by_rename, saved_through_a_backup, saved_in_place]


async def test_a_single_file_is_seen_again_and_again_however_it_is_saved(tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.touch()
    async with watching(file) as seen:
        for save in SAVES * 2:
            seen.paths.clear()
            save(file)
            await seen.until(file)
            assert set(seen.paths) == {file}


async def test_files_in_a_folder_are_seen_also_new_ones_and_deleted_ones(tmp_path: Path) -> None:
    (tmp_path / "k8s" / "deep").mkdir(parents=True)
    async with watching(tmp_path / "k8s") as seen:
        file = tmp_path / "k8s" / "deep" / "new.yaml"
        file.touch()
        await seen.until(file)
        seen.paths.clear()
        file.unlink()
        await seen.until(file)


async def test_other_files_and_tools_folders_are_not_told(tmp_path: Path) -> None:
    (tmp_path / "k8s" / ".git").mkdir(parents=True)
    (tmp_path / "turnout.yaml").touch()
    async with watching(tmp_path / "k8s", tmp_path / "turnout.yaml") as seen:
        (tmp_path / "other.yaml").touch()
        (tmp_path / "k8s" / ".git" / "HEAD").touch()
        (tmp_path / "turnout.yaml").write_text("images: {}")
        await seen.until(tmp_path / "turnout.yaml")
        assert set(seen.paths) == {tmp_path / "turnout.yaml"}


async def test_a_folder_that_goes_and_comes_back_is_watched_again(tmp_path: Path) -> None:
    """As when another branch is checked out."""
    folder = tmp_path / "project" / "k8s"
    folder.mkdir(parents=True)
    async with watching(folder) as seen:
        shutil.rmtree(tmp_path / "project")
        await seen.until(folder)
        for name in ("a.yaml", "b.yaml"):
            seen.paths.clear()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
            async with asyncio.timeout(5):
                while not {folder, folder / name} & set(seen.paths):
                    seen.arrived.clear()
                    await seen.arrived.wait()
        seen.paths.clear()
        (folder / "b.yaml").write_text("changed")
        await seen.until(folder / "b.yaml")


async def test_a_missing_file_is_seen_when_it_appears(tmp_path: Path) -> None:
    async with watching(tmp_path / "later.yaml") as seen:
        (tmp_path / "later.yaml").touch()
        await seen.until(tmp_path / "later.yaml")
        seen.paths.clear()
        (tmp_path / "later.yaml").write_text("more")
        await seen.until(tmp_path / "later.yaml")


async def test_a_link_is_told_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "app.yaml").touch()
    link = tmp_path / "link.yaml"
    link.symlink_to(tmp_path / "real" / "app.yaml")
    async with watching(link) as seen:
        saved_by_rename(tmp_path / "real" / "app.yaml")
        await seen.until(link)


async def test_a_hundred_saves_at_once_are_told_in_few_batches(tmp_path: Path) -> None:
    async with watching(tmp_path) as seen:
        files = [tmp_path / f"{number}.yaml" for number in range(100)]
        for file in files:
            file.touch()
        for file in files:
            await seen.until(file)
        assert seen.batches < 50


async def test_who_asks_for_it_is_told_from_when_on_nothing_is_missed(tmp_path: Path) -> None:
    file, stop = tmp_path / "app.yaml", asyncio.Event()
    file.touch()
    batches = []
    async with asyncio.timeout(5):
        async for batch in changes([file], stop, says_ready=True):
            batches.append(batch)
            if len(batches) == 1:
                file.write_text("saved at once")
            else:
                stop.set()
    assert batches == [set(), {file}]
