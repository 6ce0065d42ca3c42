"""Saved files, as they are saved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch

from turnout.error import TurnoutError

DEBOUNCE_MS: Final = 50
"""Changes are collected for no longer than this."""

QUIET_MS: Final = 20
"""So long without a further change ends a batch: an editor's truncate-then-write arrives as one."""

RETRY_SECONDS: Final = 0.1
"""A folder may vanish just when it is about to be watched."""

IGNORED_FOLDERS: Final = (".git", ".hg", ".turnout", "__pycache__", "node_modules")

Batch = set[Path]


@dataclass(frozen=True, slots=True)
class Watched:
    """What one round watches. `real` tells the paths as given, by what they are without symbolic links."""

    folders: tuple[Path, ...]
    others: frozenset[Path]
    anchors: frozenset[Path]
    real: tuple[tuple[Path, Path], ...]

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Watched:
        """Files are watched through their folder, because a rename replaces the file itself."""
        given = {path.absolute() for path in paths}
        folders = {path for path in given if path.is_dir()}
        files = {path for path in given if path.is_file()}
        real = {(path.resolve(), path) for path in given}
        holders = {path.parent for path in files} | {path.parent for path, file in real if file in files}
        return cls(
            tuple(sorted(folders)),
            frozenset(given - folders),
            frozenset((given - files) | holders),
            tuple(sorted(real)),
        )

    @property
    def parents(self) -> tuple[Path, ...]:
        """Folders whose entries show a file replaced, or something missing come back."""
        parents = {path.parent for path in self.others | set(self.folders)} | {path.parent for path, _ in self.real}
        return tuple(sorted({_nearest(path) for path in parents}))

    def told(self, path: Path, *, inside: bool) -> Path | None:
        """The changed path as the caller knows it; None if it is not watched. `inside` the folders, or beside them."""
        for real, given in (*((path, path) for path in (*self.folders, *self.others)), *self.real):
            if inside and given in self.folders and path.is_relative_to(real):
                parts = path.relative_to(real).parts
                return None if any(part in IGNORED_FOLDERS for part in parts) else given.joinpath(*parts)
            if not inside and path == real:
                return given
        return None

    def moved(self, change: Change, path: Path) -> bool:
        """Whether this takes away, or brings, a folder that has to be watched."""
        return change is not Change.modified and any(anchor.is_relative_to(path) for anchor in self.anchors)


async def changes(
    paths: Sequence[Path], stop: asyncio.Event, *, says_ready: bool = False
) -> AsyncGenerator[Batch, None]:
    """Absolute paths that were written, made, renamed or deleted, batch after batch, until `stop` is set.

    `says_ready`: an empty batch comes first, as soon as all is watched: what was saved before is told of by nobody.
    A path may be missing, vanish and come back; then it is told itself, for all that is in it. A batch is given within
    50 ms of its first change. Raises TurnoutError when the system lets no more files be watched.
    """
    returned: Batch = set()
    while not stop.is_set():
        watched = Watched.of(paths)
        async with aclosing(_round(watched, stop)) as batches:
            async for batch in batches:
                found = batch or {path for path in returned if path.exists()}
                if found or says_ready:
                    says_ready = False
                    yield found
                returned = {path for path in batch if path in watched.folders or path in watched.others}


async def _round(watched: Watched, stop: asyncio.Event) -> AsyncGenerator[Batch, None]:
    """An empty batch once everything is watched, then the changes, until what has to be watched is another."""
    queue: asyncio.Queue[Batch | Exception | None] = asyncio.Queue(maxsize=1)  # full: the watcher below collects
    tasks = [
        asyncio.create_task(_follow(watched, queue, inside=True)),
        asyncio.create_task(_follow(watched, queue, inside=False)),
        asyncio.create_task(_relay(stop, queue)),
    ]
    try:
        await asyncio.sleep(0)  # each task's first step sets its watch up
        yield set()
        while (item := await queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _relay(stop: asyncio.Event, queue: asyncio.Queue[Batch | Exception | None]) -> None:
    await stop.wait()
    await queue.put(None)


async def _follow(watched: Watched, queue: asyncio.Queue[Batch | Exception | None], *, inside: bool) -> None:
    """Put batches, then None when the round is over."""
    roots = watched.folders if inside else watched.parents
    if not roots:
        return
    try:
        events = awatch(*roots, watch_filter=None, debounce=DEBOUNCE_MS, step=QUIET_MS, recursive=inside)
        async with aclosing(events):
            async for batch in events:
                seen = [(change, Path(name)) for change, name in batch]
                told = {path for _, name in seen if (path := watched.told(name, inside=inside))}
                if told:
                    await queue.put(told)
                if not inside and any(watched.moved(*item) for item in seen):
                    break
    except FileNotFoundError:
        await asyncio.sleep(RETRY_SECONDS)
    except OSError as error:
        await queue.put(TurnoutError(f"cannot watch files: {error}", "raise the limit: fs.inotify.max_user_watches"))
    await queue.put(None)


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    return next((folder for folder in (path, *path.parents) if folder.is_dir()), Path(path.anchor))
