"""What the paths of a command mean: files of manifests, and charts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from turnout.inputs.chart import PLAIN, Release, is_chart
from turnout.inputs.images import FILE_NAME
from turnout.problem import Place, Problem
from turnout.resources.codes import problem

TOO_MUCH: Final = "TNO202"
NOTHING_FOUND: Final = "TNO205"

SUFFIXES: Final = (".yaml", ".yml")
SKIPPED_FOLDERS: Final = ("node_modules", "__pycache__")
SKIPPED_FILES: Final = (FILE_NAME, "expectations.yaml", "rollout.yaml")
"""No part of what shall be: how it runs here, and what commands are given (`compare`, `rollout start`)."""
MAX_FILE_BYTES: Final = 16 << 20
MAX_FILES: Final = 10_000


@dataclass(slots=True)
class Found:
    """Absolute, each once, in the order of the paths; and what is wrong with a path."""

    files: list[Path] = field(default_factory=list)
    charts: list[tuple[Path, Release]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def find(paths: Sequence[Path], release: Release = PLAIN) -> Found:
    """Folders are gone through for *.yaml and *.yml; hidden folders and SKIPPED_FILES are left out.

    A folder with a Chart.yaml, wherever it is, and an archive that is named are charts, to be rendered for `release`.
    """
    files: dict[Path, Path] = {}
    charts: dict[Path, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        before = len(files) + len(charts)
        for item in _items(path.absolute()):
            if len(files) >= MAX_FILES:
                problems.append(problem(TOO_MUCH, start(path), f"more than {MAX_FILES} files here"))
                break
            (charts if is_chart(item) else files).setdefault(item.resolve(), item)
        if path.is_dir() and len(files) + len(charts) == before:
            message = f"no {' or '.join('*' + suffix for suffix in SUFFIXES)} in this folder"
            hint = "name the folder that holds the manifests, or write the first ones with `turnout init`"
            problems.append(problem(NOTHING_FOUND, start(path), message, hint))
    return Found(list(files.values()), [(chart, release) for chart in charts.values()], problems)


def read_text(path: Path) -> str:
    """A file's text with its line ends as they are; bytes that are no UTF-8 are for the reader to name. OSError."""
    with path.open("rb") as file:  # a device may never end
        return file.read(MAX_FILE_BYTES + 1).decode("utf-8", "surrogateescape")


def shown(path: Path) -> str:
    """A path as messages show it: from the current folder where it lies below that."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute)


def start(path: Path) -> Place:
    """Of what is wrong with a file as a whole."""
    return Place(shown(path), 1, 1)


def settings_file(paths: Sequence[Path]) -> Path | None:
    """The turnout.yaml that belongs to the paths: beside them, or above them up to the current folder, or in it.

    Of paths elsewhere, the folder above is looked into too.
    """
    top = Path.cwd()
    for path in (item.absolute() for item in paths):
        folder = path if path.is_dir() else path.parent
        above = [parent for parent in folder.parents if parent.is_relative_to(top)]
        for candidate in (folder, *(above or [folder.parent]), top):
            if (candidate / FILE_NAME).is_file():
                return candidate / FILE_NAME
    return top / FILE_NAME if (top / FILE_NAME).is_file() else None


def _items(path: Path) -> Iterator[Path]:
    """The files in it, and the charts."""
    if path.is_dir() and not is_chart(path):
        yield from _walk(path)
    else:
        yield path


def _walk(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        keep = [name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS]
        charts = [name for name in keep if is_chart(Path(place, name))]
        yield from (Path(place, name) for name in sorted(charts))
        folders[:] = sorted(set(keep) - set(charts)) if real not in seen else []  # links may form a ring
        seen.add(real)
        wanted = (name for name in sorted(names) if name.endswith(SUFFIXES) and not name.startswith("."))
        yield from (Path(place, name) for name in wanted if name not in SKIPPED_FILES)
