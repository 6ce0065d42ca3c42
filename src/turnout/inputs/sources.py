"""The files a workload is built from: which they are, and whether they changed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

EVERYTHING: Final = ("**/*",)
"""The globs where turnout.yaml names none."""

EXCLUDED_FOLDERS: Final = ("bin", "__pycache__", "node_modules")
"""Beside hidden ones. A glob that names such a folder (`bin/app`, `.config/*`) reaches into it."""

WRITTEN_SUFFIXES: Final = (".log", ".pid", ".pyc", ".swp", ".tmp", ".db", ".sqlite", ".sqlite3", "-wal", "-shm", "~")
"""What programs and editors write beside sources. Only a glob other than `EVERYTHING` finds it."""

PROGRAM_MAGIC: Final = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"!<arch>\n")
"""Starts of compiled files: a build that writes into its own context must not start the next build."""

CONTENT_BYTES: Final = 64 << 20
"""So much content is read for one fingerprint; of what lies beyond it, size and time of change count."""


def fingerprint(context: Path, globs: Sequence[str] = EVERYTHING, without: Collection[Path] = ()) -> str:
    """A hash of the paths and contents of the watched sources, in hex; also of an empty or missing folder.

    `without`: files and folders that are no sources unless a glob names them: manifests, charts.
    Files that go away while this runs are taken as gone. Symbolic links to folders are not followed.
    """
    digest = hashlib.sha256()
    left_bytes = CONTENT_BYTES
    for name in watched_files(context, globs, without):
        content = _content(context / name, left_bytes, skip_programs=tuple(globs) == EVERYTHING)
        if content is not None:
            digest.update(f"{len(name)}:{name}{len(content)}:".encode("utf-8", "surrogateescape"))
            digest.update(content)
            left_bytes = max(0, left_bytes - len(content))
    return digest.hexdigest()


def watched_files(context: Path, globs: Sequence[str] = EVERYTHING, without: Collection[Path] = ()) -> Iterator[str]:
    """Relative paths of the watched sources, with `/`, in a fixed order."""
    left_out = {str(path) for path in without} if tuple(globs) == EVERYTHING else set()
    for folder, folders, names in os.walk(context):
        prefix = Path(folder).relative_to(context).as_posix()
        prefix = "" if prefix == "." else f"{prefix}/"
        own = [name for name in (*folders, *names) if f"{folder}{os.sep}{name}" in left_out]
        folders[:] = sorted(name for name in folders if name not in own and not _is_excluded(name, globs))
        yield from (path for name in sorted(names) if name not in own and _matches(path := prefix + name, globs))


def is_watched(context: Path, path: Path, globs: Sequence[str] = EVERYTHING) -> bool:
    """Whether a change of this file (it may be gone by now) is a change of the sources."""
    try:
        relative = path.relative_to(context)
    except ValueError:
        return False
    return not any(_is_excluded(folder, globs) for folder in relative.parts[:-1]) and _matches(
        relative.as_posix(), globs
    )


def _is_excluded(folder: str, globs: Sequence[str]) -> bool:
    hidden = folder.startswith(".") or folder in EXCLUDED_FOLDERS
    return hidden and not any(folder in glob.split("/") for glob in globs)


def _matches(path: str, globs: Sequence[str]) -> bool:
    if tuple(globs) == EVERYTHING:
        return not path.endswith(WRITTEN_SUFFIXES)
    return _pattern(tuple(globs)).fullmatch(path) is not None


def is_glob(glob: str) -> bool:
    """Whether it can be matched at all: `[z-a]` cannot."""
    try:
        _pattern((glob,))
    except re.error:
        return False
    return bool(glob) and not glob.startswith("/") and ".." not in glob.split("/")


@cache
def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join("".join(_translated(glob.removeprefix("./"))) for glob in globs), re.DOTALL)


TOKEN: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def _translated(glob: str) -> Iterable[str]:
    """As a regular expression; `**` spans folders, and a `/` at the end means all below it."""
    fixed = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    for token in TOKEN.findall(glob + "**" if glob.endswith("/") else glob):
        if token in fixed:
            yield fixed[token]
        elif len(token) > 1:
            yield "[" + token[1:-1].replace("\\", r"\\").replace("!", "^", token[1] == "!").replace("[", r"\[") + "]"
        else:
            yield re.escape(token)


def _content(path: Path, limit_bytes: int, *, skip_programs: bool) -> bytes | None:
    """What counts of one file; None when nothing does."""
    try:
        if not path.is_file():  # a pipe or socket would never end
            return None
        stat = path.stat()
        if stat.st_size > limit_bytes:
            return f"{stat.st_size} {stat.st_mtime_ns}".encode()
        content = path.read_bytes()
    except OSError as error:
        return None if isinstance(error, FileNotFoundError) else type(error).__name__.encode()
    return None if skip_programs and content.startswith(PROGRAM_MAGIC) else content
