"""Every object that files hold, also those that nothing would be done with: what `turnout check` looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from turnout.analysis.inventory import Subject
from turnout.inputs.chart import MARKER, PLAIN, Release, is_chart
from turnout.inputs.files import NO_MANIFEST, TWICE, documents_of, in_namespace
from turnout.inputs.found import find, shown, start
from turnout.inputs.text import NO_HELM, Text, texts
from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem
from turnout.resources.document import Document
from turnout.resources.interpret import interpret

CHART: Final = "TNO206"
UNKNOWN_KIND: Final = "TNO011"
STDIN: Final = "stdin"
"""What stands for standard input where a file is named."""

Name = tuple[str, str, str]
"""Kind (as `kinds.title` has it), namespace, name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object, and where it stands."""

    subject: Subject
    document: Document

    @property
    def name(self) -> Name:
        where = self.subject.where()
        return where.kind, where.namespace, where.name


@dataclass(frozen=True, slots=True)
class Survey:
    """`problems`: of reading, and of each object by itself, at their places. `unchecked`: kinds that have no rules."""

    entries: tuple[Entry, ...]
    problems: tuple[tuple[Problem, Entry | None], ...]
    files: int
    unchecked: tuple[str, ...] = ()

    def located(self, problems: Iterable[Problem]) -> Iterator[tuple[Problem, Entry | None]]:
        """Findings about objects, at their lines. Of objects that stand in no file nothing is told."""
        known: dict[Name, list[Entry]] = {}
        for entry in self.entries:
            known.setdefault(entry.name, []).append(entry)
        for found in problems:
            if isinstance(found.where, ObjectPath):
                where = found.where
                for entry in known.get((where.kind, where.namespace, where.name), ())[:1]:
                    yield replace(found, where=entry.document.place(where.fields)), entry


def survey(paths: Sequence[Path], piped: str | None = None, release: Release = PLAIN) -> Survey:
    """Reads files, folders, charts, and a text that was piped in. Nothing is left out because of an error elsewhere."""
    found = find(paths, release)
    surveyor = _Surveyor({path.absolute() for path in paths})
    surveyor.found += [(fault, None) for fault in found.problems]
    if piped is not None:
        surveyor.read(Text(Path(STDIN), piped), asked=True)
    for text in texts(found):
        surveyor.open(text)
    return surveyor.survey()


@dataclass(slots=True)
class _Surveyor:
    """Goes through files. `named`: those that were asked for by name; in a folder there may be YAML for anybody."""

    named: set[Path]
    entries: list[Entry] = field(default_factory=list)
    found: list[tuple[Problem, Entry | None]] = field(default_factory=list)
    files: int = 0
    unchecked: set[str] = field(default_factory=set)

    def open(self, text: Text) -> None:
        chart = _chart(text)
        if chart is not None:
            self.found.append((_unrendered(chart), None))
        elif text.fault is not None:
            self.found.append((text.fault, None))
        else:
            self.read(text, asked=text.path in self.named)

    def read(self, text: Text, *, asked: bool) -> None:
        self.files += 1
        documents, faults = documents_of(text)
        self.found += [(fault, None) for fault in faults]
        for document in documents:
            if "apiVersion" in document.data or "kind" in document.data:
                self._take(document, text.namespace)
            elif asked:
                message = "not a Kubernetes object: it has neither `apiVersion` nor `kind`"
                self.found.append((problem(NO_MANIFEST, document.place(), message), None))

    def _take(self, document: Document, namespace: str) -> None:
        obj = in_namespace(document.data, namespace)
        interpreted = interpret(obj, document)
        entry = Entry(Subject(obj, interpreted.draft), document)
        self.entries.append(entry)
        if interpreted.kind is None and _is_foreign(interpreted.problems):
            self.unchecked.add(entry.subject.kind)
        else:
            self.found += [(fault, entry) for fault in interpreted.problems]

    def survey(self) -> Survey:
        self.found += _twice(self.entries)
        return Survey(tuple(self.entries), tuple(self.found), self.files, tuple(sorted(self.unchecked)))


def _is_foreign(problems: Sequence[Problem]) -> bool:
    """A kind that simply is not ours; not one that is misspelt, or of a version that does not exist."""
    return all(p.code == UNKNOWN_KIND and not (p.hint or "").startswith(("did you mean", "known:")) for p in problems)


def _twice(entries: Iterable[Entry]) -> Iterator[tuple[Problem, Entry]]:
    first: dict[tuple[str, Name], Entry] = {}
    for entry in entries:
        before = first.setdefault((entry.subject.group, entry.name), entry)
        if before is not entry:
            kind, namespace, name = entry.name
            message = f"{kind} {namespace}/{name} is also in {before.document.place()}"
            yield problem(TWICE, entry.document.place(), message), entry


def _chart(text: Text) -> Path | None:
    """The chart, where there is no Helm to render it; or that of a template which was named by itself."""
    if text.fault is not None:
        return text.path if text.fault.code == NO_HELM else None
    if text.origin is None and "{{" in text.content:
        for folder in text.path.parents:
            if folder.name == "templates" and is_chart(folder.parent):
                return folder.parent
    return None


def _unrendered(chart: Path) -> Problem:
    message = f"the templates of the Helm chart {shown(chart)} are not checked: only what Helm makes of them is YAML"
    return problem(CHART, start(chart / MARKER if chart.is_dir() else chart), message)
