"""A Helm chart: its files, and the values it is rendered with."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from turnout.error import TurnoutError

MARKER: Final = "Chart.yaml"
ARCHIVES: Final = (".tgz", ".tar.gz")
LARGEST_BYTES: Final = 64 << 20
MOST_FILES: Final = 10_000
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


def _in_folder(folder: Path) -> dict[str, bytes]:
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
