"""The workloads' logs: one file per pod, bounded, and read while it grows.

Processes append to the file themselves (O_APPEND) and go on when Turnout dies; so a full file cannot be renamed away
under them: it is copied to `<name>.1` and cut to nothing.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
KEPT_PER_WORKLOAD = 5
"""Logs of pods that are gone, the youngest: why the last ones ended is still worth reading."""
LINE_BYTES = 64 * 1024
"""A longer line is handed out in pieces."""
LOOK_SECONDS = 0.1
TAIL_BYTES = 256 * 1024
MESSAGE_CHARACTERS = 200
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"
"""Of a pod's name, as Kubernetes makes them: no vowels, no words."""


def path_of(logs: Path, pod: str) -> Path:
    """`pod` is `<workload>-<suffix>`, or `<workload>-build` for what its builds print."""
    return logs / f"{pod}.log"


def size(path: Path) -> int:
    """In bytes; 0 for a log that does not exist yet."""
    return path.stat().st_size if path.exists() else 0


def rotate(path: Path, limit_bytes: int = LIMIT_BYTES) -> bool:
    """Moves a full log's content to `<path>.1`; what is written meanwhile is copied too, but for an instant's worth."""
    try:
        if path.stat().st_size < limit_bytes:
            return False
        fresh = path.with_name(path.name + ".1.new")
        with path.open("rb") as source, fresh.open("wb") as target:
            shutil.copyfileobj(source, target)
            fresh.replace(_rotated(path))
            shutil.copyfileobj(source, target)
            target.flush()
            os.truncate(path, 0)
    except OSError:  # a full disk, or the file is gone: the log goes on growing, and the next round tries again
        return False
    return True


def prune(logs: Path, workload: str, alive: Iterable[str]) -> None:
    """Deletes the logs of a workload's pods that are gone, but for the last few."""
    name = re.compile(rf"{re.escape(workload)}-{SUFFIX}\.log")
    kept = {path_of(logs, pod) for pod in alive}
    with suppress(OSError):  # somebody else tidies up there: so much the better
        gone = [path for path in logs.iterdir() if name.fullmatch(path.name) and path not in kept]
        gone.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in gone[KEPT_PER_WORKLOAD:]:
            path.unlink(missing_ok=True)
            _rotated(path).unlink(missing_ok=True)


def tail(path: Path, lines: int, *, since: int = 0) -> list[str]:
    """The last lines that are not empty, shortened, of what was written from offset `since` on."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = since if since <= size else 0  # cut by a rotation since
            file.seek(max(start, size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return []
    found = [line for line in map(_printable, text.splitlines()) if line]
    return found[-lines:] if lines else []


def _printable(line: str) -> str:
    """Fit to stand in a message: without colours and whatever else a terminal would obey."""
    plain = "".join(character for character in _ESCAPE.sub("", line) if character.isprintable())
    return plain.strip()[:MESSAGE_CHARACTERS]


async def follow(path: Path, from_end_lines: int | None, follow: bool) -> AsyncIterator[str]:
    """The log's lines without their ends, at first the last `from_end_lines` (None: all that is kept).

    With `follow` then each new one, across rotations, until the caller stops reading; a file that is not there yet is
    waited for.
    """
    offset, found = _last_lines(path, from_end_lines)
    if from_end_lines is None or found < from_end_lines:
        older = None if from_end_lines is None else from_end_lines - found
        rotated = _Reader(_rotated(path), _last_lines(_rotated(path), older)[0])
        while lines := rotated.lines():
            for line in lines:
                yield line
    reader = _Reader(path, offset)
    while (lines := reader.lines()) or follow:
        for line in lines:
            yield line
        await asyncio.sleep(0 if lines else LOOK_SECONDS)
    for line in reader.rest():
        yield line


class _Reader:
    """Reads on where it stopped."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self._offset = offset
        self._held = b""

    def lines(self) -> list[str]:
        """The next ones that are whole; none if there is nothing new to read."""
        found: list[bytes] = []
        while not found and (data := self._read_on()):
            *found, self._held = (self._held + data).split(b"\n")
            if len(self._held) >= LINE_BYTES:
                found.append(self._held)
                self._held = b""
        return [line.decode(errors="replace").rstrip("\r") for line in found]

    def rest(self) -> list[str]:
        """What has no line end yet."""
        return [self._held.decode(errors="replace")] if self._held else []

    def _read_on(self) -> bytes:
        try:
            if self._path.stat().st_size < self._offset:  # cut: what was not read yet went to the old log
                missed = _read(_rotated(self._path), self._offset, -1)
                self._offset = 0
                if missed:
                    return missed
            data = _read(self._path, self._offset, LINE_BYTES)
        except OSError:
            return b""
        self._offset += len(data)
        return data


def _rotated(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _read(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def _last_lines(path: Path, lines: int | None) -> tuple[int, int]:
    """The offset at which the last `lines` begin (None: all), and how many there are."""
    try:
        end = path.stat().st_size
    except OSError:
        return 0, 0
    if lines is None:
        return 0, 0
    if lines <= 0:
        return end, 0
    found, start = 0, end
    while start > 0:
        size = min(LINE_BYTES, start)
        start -= size
        block = _read(path, start, size)
        at = len(block)
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            if start + at + 1 == end:  # ends the last line
                continue
            found += 1
            if found == lines:
                return start + at + 1, found
    return 0, found + 1 if end else 0
