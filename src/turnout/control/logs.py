"""The view `logs`: several logs as one, and those of pods that come while somebody follows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from turnout.error import ApiError
from turnout.workloads.logs import follow

if TYPE_CHECKING:
    from turnout.control.instance import Instance

DEFAULT_LINES = 100
MOST_LINES = 100_000
MOST_WAITING = 1000
LOOK_SECONDS = 0.25
_OWN = ("turnout", "envoy")
_POD = re.compile(r"-[a-z0-9]{5}$")

Logs = Mapping[str, Path]
"""A pod, or `turnout` or `envoy`, to its log."""


def logs(instance: Instance, query: Mapping[str, str]) -> AsyncIterator[str]:
    """`workload` (a Deployment, a pod, `turnout` or `envoy`; all when empty), `follow`, `lines`. Raises ApiError."""
    wanted, lines = query.get("workload", ""), _count(query.get("lines", str(DEFAULT_LINES)))

    def current() -> Logs:
        pods = [pod.name for pod in instance.pods() if wanted in ("", pod.workload, pod.name)]
        names = [*pods, *(own for own in _OWN if own == wanted)]
        return {name: instance.state.logs / f"{name}.log" for name in names}

    found = current() or (_past(instance.state.logs, wanted) if wanted else {})
    if not found and wanted:
        known = sorted({pod.workload for pod in instance.pods()} | set(_OWN))
        raise ApiError(404, "NotFound", f"no workload is called {wanted}", f"known: {', '.join(known)}")
    return merged(found, lines, current if query.get("follow") == "1" else None)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ApiError(400, "BadRequest", f"{text!r} is no number of lines")
    return min(int(text), MOST_LINES)


def _past(folder: Path, wanted: str) -> Logs:
    """Logs of pods that are gone, the newest of the workload; `wanted` is a name, never a path."""
    found = [path for path in folder.glob("*.log") if path.stem == wanted or _POD.sub("", path.stem) == wanted]
    newest = sorted(found, key=lambda path: path.stat().st_mtime)[-1:]
    return {path.stem: path for path in newest}


async def merged(logs: Logs, lines: int, current: Callable[[], Logs] | None = None) -> AsyncGenerator[str]:
    """The last `lines` of each; with `current` also what is added from now on, to those that there are then.

    Each line is headed by its pod (`app-v1-x2kd9 | …`) from the moment on at which there is more than one.
    """
    reading = _Reading(following=current is not None)
    reading.begin(logs, lines)
    tasks = [asyncio.create_task(reading.keep_up(current))] if current else []
    try:
        headed = False
        while (read := await reading.next()) is not None:
            headed = headed or reading.several
            yield f"{read[0]} | {read[1]}" if headed else read[1]
    finally:
        await _ended([*tasks, *reading.tasks.values()])


class _Reading:
    """One task for each log."""

    def __init__(self, *, following: bool) -> None:
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._following = following
        self._ended = 0
        self._queue: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue(MOST_WAITING)

    @property
    def several(self) -> bool:
        return len(self.tasks) > 1

    def begin(self, logs: Logs, lines: int | None) -> None:
        for name, path in sorted(logs.items()):
            if name not in self.tasks:
                self.tasks[name] = asyncio.create_task(self._read(name, path, lines))

    async def next(self) -> tuple[str, str] | None:
        """Whose line, and the line; None when there is nothing more to come."""
        while self._ended < len(self.tasks) or self._following:
            read = await self._queue.get()
            if read is not None:
                return read
            self._ended += 1
        return None

    async def keep_up(self, current: Callable[[], Logs]) -> None:
        """Whoever comes is read from the beginning; whoever is gone is read once more, and then no longer."""
        gone: set[str] = set()
        seen: set[str] = set()
        while True:
            logs = current()
            self.begin(logs, None)
            await _ended([self.tasks.pop(name) for name in gone - logs.keys()])
            seen |= logs.keys()
            gone = (seen & self.tasks.keys()) - logs.keys()
            await asyncio.sleep(LOOK_SECONDS)

    async def _read(self, name: str, path: Path, lines: int | None) -> None:
        async for line in follow(path, lines, self._following):
            await self._queue.put((name, line))
        await self._queue.put(None)


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
