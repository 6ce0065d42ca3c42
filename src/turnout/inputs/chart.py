"""A Helm chart: its files, and the values it is rendered with."""

from __future__ import annotations

import io
import os
import re
import tarfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from turnout.error import TurnoutError

MARKER: Final = "Chart.yaml"
IGNORED: Final = ".helmignore"
ARCHIVES: Final = (".tgz", ".tar.gz")
LARGEST_BYTES: Final = 64 << 20
MOST_FILES: Final = 10_000

_LIBRARY: Final = re.compile(r"^type:\s*[\"']?library\b", re.MULTILINE)
DEFAULT_NAMESPACE: Final = "default"


@dataclass(frozen=True, slots=True)
class Release:
    """What a chart is rendered for. `name` "": the chart's own. Later `values` files win, and `sets` over all of them.

    `sets` as `--set` has them: `weights.v2=10,replicas=3`.
    """

    name: str = ""
    namespace: str = DEFAULT_NAMESPACE
    values: tuple[Path, ...] = ()
    sets: tuple[str, ...] = ()
    overrides: str = ""
    """More values, as JSON: over the files, under `sets`."""


PLAIN: Final = Release()
"""A chart as it is by itself."""


def is_chart(path: Path) -> bool:
    """A folder with a Chart.yaml, or an archive by its name."""
    return (path / MARKER).is_file() or (path.name.endswith(ARCHIVES) and path.is_file())


def chart_files(path: Path) -> dict[str, bytes]:
    """Content by path inside the chart (`templates/a.yaml`). Raises OSError, and TurnoutError for what is no chart."""
    return _in_folder(path) if path.is_dir() else _in_archive(path)


def archived(files: dict[str, bytes]) -> bytes:
    """The chart as Helm packs it, in memory."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=0) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"chart/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def is_library(chart: Path) -> bool:
    """Whether other charts use it, and by itself it makes nothing."""
    try:
        return bool(_LIBRARY.search((chart / MARKER).read_text(errors="replace")))
    except OSError:
        return False


def _in_folder(folder: Path) -> dict[str, bytes]:
    """But for what its .helmignore names, as `helm package` leaves it out."""
    files = _all_in_folder(folder)
    rules = _rules(files.get(IGNORED, b"").decode("utf-8", "replace"))
    return {name: content for name, content in files.items() if not _is_ignored(name, rules)}


def _rules(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return ["templates/.?*", *(line for line in lines if line and not line.startswith("#"))]


def _is_ignored(name: str, rules: list[str]) -> bool:
    """Whether a rule matches it or a folder it is in: by the last part, or by the whole path where it has a `/`."""
    steps = name.split("/")
    return any(
        _matches(steps[:end], rule, is_file=end == len(steps)) for end in range(1, len(steps) + 1) for rule in rules
    )


def _matches(steps: list[str], rule: str, *, is_file: bool) -> bool:
    pattern = rule.removeprefix("!").rstrip("/")
    if rule.endswith("/") and is_file:
        return False
    parts = pattern.removeprefix("/").split("/")
    whole = "/" in pattern
    same = len(parts) == len(steps) if whole else True
    found = same and all(map(fnmatchcase, steps if whole else steps[-1:], parts))
    return found != rule.startswith("!")


def _all_in_folder(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    seen: set[str] = set()
    total = 0
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = sorted(folders) if real not in seen else []  # links may form a ring
        seen.add(real)
        for file in (Path(place, name) for name in sorted(names)):
            if file.is_file():
                total += file.stat().st_size
                _require_bounded(folder, total, len(files))
                files[file.relative_to(folder).as_posix()] = file.read_bytes()
    return files


def _in_archive(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(path, "r:gz") as archive:
            for entry in archive:
                total += entry.size
                _require_bounded(path, total, len(files))
                content = archive.extractfile(entry) if entry.isfile() else None
                _, _, name = entry.name.removeprefix("./").partition("/")
                if content is not None and name:
                    files[name] = content.read()
    except (tarfile.TarError, EOFError) as error:
        raise TurnoutError(f"{path.name} is no archive of a chart: {error}", "helm package makes one") from error
    if MARKER not in files:
        raise TurnoutError(f"{path.name} is no archive of a chart: there is no {MARKER} in it")
    return files


def _require_bounded(path: Path, total_bytes: int, count: int) -> None:
    if total_bytes > LARGEST_BYTES or count >= MOST_FILES:
        raise TurnoutError(f"the chart {path.name} is larger than {LARGEST_BYTES >> 20} MiB or {MOST_FILES} files")
