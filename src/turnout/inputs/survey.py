"""Every object that files hold, also those that nothing would be done with: what `turnout check` looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from turnout.analysis.inventory import Subject
from turnout.inputs.files import NO_MANIFEST, TWICE, UNREADABLE, found_files, in_namespace, read_text, shown
from turnout.problem import ObjectPath, Place, Problem
from turnout.resources.codes import problem
from turnout.resources.document import Document
from turnout.resources.interpret import interpret
from turnout.resources.reader import read

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


def survey(paths: Sequence[Path], piped: str | None = None) -> Survey:
    """Reads files, folders, and a text that was piped in. Nothing is left out because of an error elsewhere."""
    files, faults = found_files(paths)
    surveyor = _Surveyor({path.absolute() for path in paths})
    surveyor.found += [(fault, None) for fault in faults]
    if piped is not None:
        surveyor.read(STDIN, piped, asked=True)
    for file in files:
        surveyor.open(file)
    return surveyor.survey()


@dataclass(slots=True)
class _Surveyor:
    """Goes through files. `named`: those that were asked for by name; in a folder there may be YAML for anybody."""

    named: set[Path]
    entries: list[Entry] = field(default_factory=list)
    found: list[tuple[Problem, Entry | None]] = field(default_factory=list)
    files: int = 0
    charts: dict[Path, None] = field(default_factory=dict)
    unchecked: set[str] = field(default_factory=set)

    def open(self, file: Path) -> None:
        try:
            text = read_text(file)
        except OSError as error:
            place = Place(shown(file), 1, 1)
            self.found.append((problem(UNREADABLE, place, f"cannot read it: {error.strerror}"), None))
            return
        chart = _chart(file) if "{{" in text else None
        if chart is None:
            self.read(shown(file), text, asked=file in self.named)
        else:
            self.charts[chart] = None

    def read(self, name: str, text: str, *, asked: bool) -> None:
        self.files += 1
        documents, faults = read(text, name)
        self.found += [(fault, None) for fault in faults]
        for document in documents:
            if "apiVersion" in document.data or "kind" in document.data:
                self._take(document)
            elif asked:
                message = "not a Kubernetes object: it has neither `apiVersion` nor `kind`"
                self.found.append((problem(NO_MANIFEST, document.place(), message), None))

    def _take(self, document: Document) -> None:
        obj = in_namespace(document.data)
        interpreted = interpret(obj, document)
        entry = Entry(Subject(obj, interpreted.draft), document)
        self.entries.append(entry)
        if interpreted.kind is None and _is_foreign(interpreted.problems):
            self.unchecked.add(entry.subject.kind)
        else:
            self.found += [(fault, entry) for fault in interpreted.problems]

    def survey(self) -> Survey:
        self.found += [(_unrendered(chart), None) for chart in self.charts]
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


def _chart(file: Path) -> Path | None:
    """The Helm chart that a file is a template of."""
    for folder in file.parents:
        if folder.name == "templates" and (folder.parent / "Chart.yaml").is_file():
            return folder.parent
    return None


def _unrendered(chart: Path) -> Problem:
    message = f"the templates of the Helm chart {shown(chart)} are not checked: only what Helm makes of them is YAML"
    hint = f"helm template {shown(chart)} | turnout check -"
    return problem(CHART, Place(shown(chart / "Chart.yaml"), 1, 1), message, hint)
