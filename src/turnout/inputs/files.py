"""Manifests: the YAML files that say what shall be."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from turnout.inputs.apply import Key, key_of, with_source
from turnout.inputs.images import FILE_NAME
from turnout.problem import Place, Problem, errors
from turnout.resources.codes import problem
from turnout.resources.document import Document
from turnout.resources.interpret import Resource, interpret
from turnout.resources.kinds import Kind
from turnout.resources.reader import read

UNREADABLE: Final = "TNO201"
TOO_MUCH: Final = "TNO202"
NO_MANIFEST: Final = "TNO203"
TWICE: Final = "TNO204"
NOTHING_FOUND: Final = "TNO205"

SUFFIXES: Final = (".yaml", ".yml")
SKIPPED_FOLDERS: Final = ("node_modules", "__pycache__")
SKIPPED_FILES: Final = (FILE_NAME, "expectations.yaml", "rollout.yaml")
"""No part of what shall be: how it runs here, and what commands are given (`compare`, `rollout start`)."""
MAX_FILE_BYTES: Final = 16 << 20
MAX_FILES: Final = 10_000
DEFAULT_NAMESPACE: Final = "default"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a file. `obj` is complete: its namespace is set, and an annotation names its source."""

    obj: dict[str, Any]
    document: Document
    kind: Kind
    resource: Resource


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What one file holds; kept while its text stays the same. `path` is absolute."""

    path: Path
    text: str
    manifests: tuple[Manifest, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifests:
    """All that the paths hold. A file with an error in it gives no object: it is named in `broken`, absolute."""

    objects: tuple[Manifest, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = ()
    broken: frozenset[str] = frozenset()
    parsed: Mapping[Path, ParsedFile] = field(default_factory=dict)


def read_paths(paths: Sequence[Path], previous: Manifests | None = None) -> Manifests:
    """Every object in the files and folders, in order; files that say the same as in `previous` are not parsed again.

    Folders are gone through for *.yaml and *.yml; hidden folders and SKIPPED_FILES are left out.
    """
    files, problems = found_files(paths)
    known = previous.parsed if previous else {}
    parsed = [_parsed(file, known.get(file)) for file in files]
    twice, doubled = _twice(parsed)
    broken = {file.path for file in parsed if errors(file.problems)} | doubled
    return Manifests(
        tuple(manifest for file in parsed if file.path not in broken for manifest in file.manifests),
        (*problems, *(found for file in parsed for found in file.problems), *twice),
        tuple(files),
        frozenset(str(path) for path in broken),
        {file.path: file for file in parsed},
    )


def read_text(path: Path) -> str:
    """A file's text with its line ends as they are; bytes that are no UTF-8 are for the reader to name. OSError."""
    with path.open("rb") as file:  # a device may never end
        return file.read(MAX_FILE_BYTES + 1).decode("utf-8", "surrogateescape")


def shown(path: Path) -> str:
    """A path as messages show it: from the current folder where it lies below that."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute)


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


def found_files(paths: Sequence[Path]) -> tuple[list[Path], list[Problem]]:
    """The files that the paths mean, absolute, each once, in the order of the paths; and what is wrong with a path."""
    files: dict[Path, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        before = len(files)
        for file in _walk(path.absolute()) if path.is_dir() else [path.absolute()]:
            if len(files) >= MAX_FILES:
                problems.append(problem(TOO_MUCH, _start(path), f"more than {MAX_FILES} files here"))
                break
            files.setdefault(file.resolve(), file)
        if path.is_dir() and len(files) == before:
            message = f"no {' or '.join('*' + suffix for suffix in SUFFIXES)} in this folder"
            hint = "name the folder that holds the manifests, or write the first ones with `turnout init`"
            problems.append(problem(NOTHING_FOUND, _start(path), message, hint))
    return list(files.values()), problems


def _walk(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        keep = [name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS]
        folders[:] = sorted(keep) if real not in seen else []  # links may form a ring
        seen.add(real)
        wanted = (name for name in sorted(names) if name.endswith(SUFFIXES) and not name.startswith("."))
        yield from (Path(place, name) for name in wanted if name not in SKIPPED_FILES)


def _parsed(path: Path, known: ParsedFile | None) -> ParsedFile:
    try:
        text = read_text(path)
    except OSError as error:
        hint = "check the path" if isinstance(error, FileNotFoundError) else None
        return ParsedFile(path, "", (), (problem(UNREADABLE, _start(path), f"cannot read it: {error.strerror}", hint),))
    if len(text.encode("utf-8", "surrogateescape")) > MAX_FILE_BYTES:
        message = f"the file is larger than {MAX_FILE_BYTES >> 20} MiB"
        return ParsedFile(path, "", (), (problem(TOO_MUCH, _start(path), message),))
    return known if known and known.text == text else parse(path, text)


def parse(path: Path, text: str) -> ParsedFile:
    """What a file of this text holds."""
    documents, problems = read(text, shown(path))
    manifests = []
    for index, document in enumerate(documents):
        manifest, found = _manifest(document, f"{path}#{index}")
        problems += found
        manifests += [manifest] if manifest else []
    return ParsedFile(path, text, tuple(manifests), tuple(problems))


def _manifest(document: Document, source: str) -> tuple[Manifest | None, list[Problem]]:
    data = document.data
    if "apiVersion" not in data and "kind" not in data:
        message = "not a Kubernetes object: it has neither `apiVersion` nor `kind`"
        return None, [problem(NO_MANIFEST, document.place(), message)]
    obj = in_namespace(data)
    interpreted = interpret(obj, document)
    if interpreted.kind is None or interpreted.resource is None:
        return None, interpreted.problems
    return Manifest(with_source(obj, source), document, interpreted.kind, interpreted.resource), interpreted.problems


def in_namespace(data: Mapping[str, Any]) -> dict[str, Any]:
    """The object with its namespace said, where its kind has one."""
    key = key_of(data)
    metadata = data.get("metadata")
    if key is None or not key[0].namespaced or key[1] or not isinstance(metadata, Mapping):
        return dict(data)
    return {**data, "metadata": {**metadata, "namespace": DEFAULT_NAMESPACE}}


def _twice(parsed: Iterable[ParsedFile]) -> tuple[list[Problem], set[Path]]:
    """An object may be in one place only: which one holds is not for us to guess, so neither file is applied."""
    first: dict[Key, tuple[Path, Manifest]] = {}
    problems, files = [], set()
    for file in parsed:
        for manifest in file.manifests:
            key = key_of(manifest.obj)
            if key is None:
                continue
            path, other = first.setdefault(key, (file.path, manifest))
            if other is not manifest:
                files |= {path, file.path}
                name = f"{key[0].kind} {key[1]}/{key[2]}" if key[1] else f"{key[0].kind} {key[2]}"
                message = f"{name} is also in {other.document.place()}"
                problems.append(problem(TWICE, manifest.document.place(), message))
    return problems, files


def _start(path: Path) -> Place:
    return Place(shown(path), 1, 1)
