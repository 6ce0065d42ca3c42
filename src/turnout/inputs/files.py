"""Manifests: the YAML files that say what shall be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from turnout.inputs.apply import Key, key_of, with_source
from turnout.inputs.chart import DEFAULT_NAMESPACE, PLAIN, Release
from turnout.inputs.found import find, shown
from turnout.inputs.images import Artifact
from turnout.inputs.kustomize import read_files
from turnout.inputs.text import Text, texts
from turnout.problem import Problem, errors
from turnout.resources.codes import problem
from turnout.resources.document import Document
from turnout.resources.interpret import Resource, interpret
from turnout.resources.kinds import Kind
from turnout.resources.reader import read

NO_MANIFEST: Final = "TNO203"
TWICE: Final = "TNO204"
HOOK: Final = "helm.sh/hook"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a file. `obj` is complete: its namespace is set, and an annotation names its source."""

    obj: dict[str, Any]
    document: Document
    kind: Kind
    resource: Resource


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What one file holds, or one template of a chart; kept while its text stays the same."""

    text: Text
    manifests: tuple[Manifest, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def path(self) -> Path:
        """Absolute."""
        return self.text.path


@dataclass(frozen=True, slots=True)
class Manifests:
    """All that the paths hold. A file with an error in it gives no object: it is named in `broken`, absolute."""

    objects: tuple[Manifest, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = ()
    broken: frozenset[str] = frozenset()
    parsed: Mapping[Path, ParsedFile] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    """Images, as a skaffold.yaml has them built."""
    read: tuple[Path, ...] = ()
    """Beside the paths themselves, what was read: of other folders, too."""


def read_paths(paths: Sequence[Path], previous: Manifests | None = None, release: Release = PLAIN) -> Manifests:
    """Every object in the files, folders and charts, in order; what says the same as in `previous` is not parsed again.

    `release`: what charts are rendered for.
    """
    found = find(paths, release)
    known = previous.parsed if previous else {}
    parsed = [_parsed(text, known.get(text.path)) for text in texts(found)]
    twice, doubled = _twice(parsed)
    broken = {file.path for file in parsed if errors(file.problems)} | doubled
    return Manifests(
        tuple(manifest for file in parsed if file.path not in broken for manifest in file.manifests),
        (*found.problems, *(problem for file in parsed for problem in file.problems), *twice),
        tuple(dict.fromkeys(file.path for file in parsed)),
        frozenset(str(path) for path in broken),
        {file.path: file for file in parsed},
        tuple(found.artifacts),
        (*found.others, *(file for folder in found.kustomizations for file in read_files(folder))),
    )


def _parsed(text: Text, known: ParsedFile | None) -> ParsedFile:
    """Of a chart the same text may come from other lines than before."""
    if known is None or (known.text.content, known.text.namespace, known.text.fault) != (
        text.content,
        text.namespace,
        text.fault,
    ):
        return parse_text(text)
    if known.text.origin is text.origin:
        return known
    if known.problems:
        return parse_text(text)
    moved = (replace(m, document=replace(m.document, origin=text.origin)) for m in known.manifests)
    return ParsedFile(text, tuple(moved))


def parse(path: Path, text: str) -> ParsedFile:
    """What a file of this text holds."""
    return parse_text(Text(path, text))


def parse_text(text: Text) -> ParsedFile:
    """What it holds."""
    if text.fault:
        return ParsedFile(text, (), (text.fault,))
    documents, problems = documents_of(text)
    manifests = []
    for index, document in enumerate(documents):
        manifest, found = _manifest(document, f"{text.path}#{index}", text.namespace)
        problems += found
        manifests += [manifest] if manifest else []
    return ParsedFile(text, tuple(manifests), tuple(problems))


def documents_of(text: Text) -> tuple[list[Document], list[Problem]]:
    """Its documents, and what is wrong with the text, both with places in files that a user can open."""
    documents, problems = read(text.content, shown(text.path))
    origin = text.origin
    if origin is None:
        return documents, problems
    kept = [replace(document, origin=origin) for document in documents if not is_hook(document.data)]
    return kept, [origin.located(found) for found in problems]


def is_hook(data: Mapping[str, Any]) -> bool:
    """Whether Helm runs it at some moment, and does not keep it: a test, a job before an upgrade."""
    metadata = data.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return isinstance(annotations, Mapping) and HOOK in annotations


def _manifest(document: Document, source: str, namespace: str) -> tuple[Manifest | None, list[Problem]]:
    data = document.data
    if "apiVersion" not in data and "kind" not in data:
        message = "not a Kubernetes object: it has neither `apiVersion` nor `kind`"
        return None, [problem(NO_MANIFEST, document.place(), message)]
    obj = in_namespace(data, namespace)
    interpreted = interpret(obj, document)
    if interpreted.kind is None or interpreted.resource is None:
        return None, interpreted.problems
    return Manifest(with_source(obj, source), document, interpreted.kind, interpreted.resource), interpreted.problems


def in_namespace(data: Mapping[str, Any], namespace: str = DEFAULT_NAMESPACE) -> dict[str, Any]:
    """The object with its namespace said, where its kind has one."""
    key = key_of(data)
    metadata = data.get("metadata")
    if key is None or not key[0].namespaced or key[1] or not isinstance(metadata, Mapping):
        return dict(data)
    return {**data, "metadata": {**metadata, "namespace": namespace}}


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
