"""What the paths of a command mean: files of manifests, charts, kustomizations, and what a skaffold.yaml names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from turnout.inputs.chart import PLAIN, Release, is_chart, is_library
from turnout.inputs.images import FILE_NAME, Artifact
from turnout.inputs.skaffold import FILE_NAMES, read_skaffold, skaffold_file
from turnout.problem import Place, Problem
from turnout.resources.codes import problem

UNREADABLE: Final = "TNO201"
TOO_MUCH: Final = "TNO202"
NOTHING_FOUND: Final = "TNO205"
NO_CHART: Final = "TNO223"

SUFFIXES: Final = (".yaml", ".yml")
SKIPPED_FOLDERS: Final = ("node_modules", "__pycache__")
KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
SKIPPED_FILES: Final = (FILE_NAME, *FILE_NAMES, *KUSTOMIZATIONS, "expectations.yaml", "rollout.yaml")
"""No part of what shall be: how it is built and runs here, and what commands are given (`compare`, `rollout start`)."""
MAX_FILE_BYTES: Final = 16 << 20
MAX_FILES: Final = 10_000


@dataclass(slots=True)
class Found:
    """Absolute, each once, in the order of the paths; and what is wrong with a path."""

    files: list[Path] = field(default_factory=list)
    charts: list[tuple[Path, Release]] = field(default_factory=list)
    kustomizations: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    """What was read, or decides what is, beside the paths themselves: files, and folders with all that is in them."""


def find(paths: Sequence[Path], release: Release = PLAIN) -> Found:
    """Folders are gone through for *.yaml and *.yml; hidden folders and SKIPPED_FILES are left out.

    A folder with a Chart.yaml, wherever it is, and an archive that is named are charts, to be rendered for `release`.
    A named folder with a skaffold.yaml holds what that says; one with a kustomization.yaml, what comes of it.
    """
    finder = _Finder(release)
    for path in paths:
        finder.take(path)
    found = finder.found()
    if release != PLAIN and not found.charts:
        place = start(paths[0]) if paths else None
        found.problems.append(problem(NO_CHART, place, "there is no chart here, so values have no effect"))
    return found


class _Finder:
    """Collects what paths mean, each thing once."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self._files: dict[Path, Path] = {}
        self._charts: dict[tuple[Path, Release], Path] = {}
        self._kustomizations: dict[Path, Path] = {}
        self._artifacts: list[Artifact] = []
        self._others: list[Path] = []
        self._problems: list[Problem] = []

    def found(self) -> Found:
        charts = [(path, release) for (_, release), path in self._charts.items()]
        kustomizations = list(self._kustomizations.values())
        read = [*self._others, *self._files.values()]
        for path, release in charts:
            read += [path, *release.values]
        return Found(
            list(self._files.values()),
            charts,
            kustomizations,
            self._problems,
            self._artifacts,
            list(dict.fromkeys(read)),
        )

    def take(self, path: Path) -> None:
        before = self._count
        if file := skaffold_file(path):
            self._skaffold(file)
        elif path.is_dir() and any((path / name).is_file() for name in KUSTOMIZATIONS):
            self._kustomize(path)
        else:
            self._take_all(path)
        if path.is_dir() and self._count == before:
            message = f"no {' or '.join('*' + suffix for suffix in SUFFIXES)} in this folder"
            hint = "name the folder that holds the manifests, or write the first ones with `turnout init`"
            self._problems.append(problem(NOTHING_FOUND, start(path), message, hint))

    @property
    def _count(self) -> int:
        return len(self._files) + len(self._charts) + len(self._kustomizations)

    def _take_all(self, path: Path) -> None:
        for item in _items(path.absolute()):
            if len(self._files) >= MAX_FILES:
                self._problems.append(problem(TOO_MUCH, start(path), f"more than {MAX_FILES} files here"))
                break
            if not is_chart(item):
                self._files.setdefault(item.resolve(), item)
            elif item == path.absolute() or not is_library(item):
                self._chart(item, self.release)

    def _chart(self, path: Path, release: Release) -> None:
        self._charts.setdefault((path.resolve(), release), path)

    def _kustomize(self, path: Path) -> None:
        self._kustomizations.setdefault(path.resolve(), path.absolute())

    def _skaffold(self, file: Path) -> None:
        """Manifests by globs, as Skaffold's `rawYaml` has them: what matches nothing is told."""
        try:
            said, problems = read_skaffold(read_text(file), shown(file), self.release)
        except OSError as error:
            self._problems.append(problem(UNREADABLE, start(file), f"cannot read it: {error.strerror}"))
            return
        self._problems += problems
        self._others.append(file.absolute())
        self._artifacts += said.artifacts
        for folder, glob in said.globs:
            matched = sorted(folder.glob(glob))
            if not matched:
                self._problems.append(problem(NOTHING_FOUND, start(file), f"`{glob}` matches no file"))
            for path in matched:
                self._take_all(path)
        for chart, release in said.charts:
            self._chart(chart, release)
        for path in said.kustomizations:
            self._kustomize(path)


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
