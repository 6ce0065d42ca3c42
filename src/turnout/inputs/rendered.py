"""What a chart's templates were made into, and where each line of it comes from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from turnout.error import TurnoutError
from turnout.inputs.align import same
from turnout.inputs.chart import MARKER, Release, chart_files
from turnout.inputs.found import shown
from turnout.inputs.helm import Engine, Output, engine
from turnout.inputs.merge import ABSENT
from turnout.inputs.template import marked, unmarked
from turnout.inputs.template_values import EACH, Reference, entries, references, under
from turnout.problem import Place, Problem
from turnout.resources.document import Document, Spot
from turnout.resources.document import Path as Fields
from turnout.resources.reader import read

VALUES: Final = "values.yaml"
SUBCHARTS: Final = "charts"


@dataclass(frozen=True, slots=True)
class Rendered:
    """The YAML of one template. `path`: the template's own, absolute; inside an archive it goes on below that."""

    path: Path
    content: str
    origin: Template


@dataclass(frozen=True, slots=True)
class Turn:
    """Which round, from 0, of how many."""

    number: int
    of: int


@dataclass(frozen=True, eq=False)
class Template:
    """Where the lines of a template's output come from: `lines` of `source`, and `values` that it puts out."""

    name: str
    source: str
    lines: tuple[int, ...]
    values: Values = field(repr=False)
    within: tuple[str, ...] = ()
    """The subcharts that it is in, outermost first."""

    def place(self, line: int, column: int, path: Fields, value: Any) -> Place:
        """The template's line, and by the way the key in values that it has put out there."""
        origin = self.lines[min(line, len(self.lines)) - 1] if self.lines else 1
        return Place(self.name, origin, self._column(origin, column), self._via(line, origin, path, value))

    def spot(self, line: int, path: Fields, value: Any) -> Spot | None:
        """Where the value is set that stands at a line of the output; None where that is in no file, or not known."""
        origin = self.lines[min(line, len(self.lines)) - 1] if self.lines else 1
        key = self._key(line, origin, path, value)
        return self.values.spot(key, value) if key else None

    def located(self, problem: Problem) -> Problem:
        """A problem of the output, where it is in the template."""
        where = problem.where
        return (
            replace(problem, where=self.place(where.line, where.column, (), None))
            if isinstance(where, Place)
            else problem
        )

    def _column(self, line: int, column: int) -> int:
        """The same column where the template has text of its own there, else where its line begins."""
        text = (self.source.split("\n")[line - 1 : line] or [""])[0]
        own = text.partition("{{")[0]
        return column if own[column - 1 :].strip() else len(text) - len(text.lstrip()) + 1

    @cached_property
    def _references(self) -> Mapping[int, tuple[Reference, ...]]:
        return references(self.source)

    @cached_property
    def _beginnings(self) -> Mapping[int, list[int]]:
        """For each line of the template where, in the output, it begins to be put out: once per round of a `range`."""
        found: dict[int, list[int]] = {}
        for number, (before, line) in enumerate(pairwise((0, *self.lines)), 1):
            if line != before:
                found.setdefault(line, []).append(number)
        return found

    def _via(self, line: int, origin: int, path: Fields, value: Any) -> str:
        key = self._key(line, origin, path, value)
        return self.values.words(key, self.within) if key else ""

    def _key(self, line: int, origin: int, path: Fields, value: Any) -> Fields | None:
        """The one in values that stands at `path` of an object."""
        if value is None:
            return None
        begun = self._beginnings.get(origin, [])
        turn = Turn(bisect_right(begun, line) - 1, len(begun))
        named = [self.values.at(self.within + found, turn) for found in self._references.get(origin, ())]
        return self.values.only(named, path, value)


@dataclass(frozen=True, eq=False)
class Values:
    """What templates get to see, and the files that say so. `files`: the one that wins first."""

    merged: Mapping[str, Any]
    files: tuple[Document, ...]
    sets: tuple[str, ...] = ()
    defaults: Mapping[tuple[str, ...], Document] = field(default_factory=dict)
    """By subchart: its own values.yaml."""

    def at(self, reference: Reference, turn: Turn) -> Reference:
        """With the item that a `range` has come to, where the line was put out once for each."""
        if reference.count(EACH) != 1:
            return reference
        index = reference.index(EACH)
        nodes = list(under(self.merged, reference[:index], deep=False))
        keys = [key for key, _ in entries(nodes[0][1])] if nodes else []
        return (*reference[:index], keys[turn.number], *reference[index + 1 :]) if len(keys) == turn.of else reference

    def only(self, references: Sequence[Reference], path: Fields, value: Any) -> Fields | None:
        """The one key that what stands at `path` of an object was made from; None where that cannot be told.

        Of several nodes with the same value it is the one whose path ends most as that of the object does.
        """
        if len(references) == 1 and not isinstance(value, Mapping | list) and _is_scalar(self.merged, references[0]):
            return references[0]  # whatever the template does with it
        found = [
            (_common_end(key, path), key)
            for reference in references
            for key, node in under(self.merged, reference)
            if same(node, value)
        ]
        best = max((length for length, _ in found), default=0)
        keys = [key for length, key in found if length == best]
        return keys[0] if len(keys) == 1 else None

    def words(self, key: Fields, within: tuple[str, ...]) -> str:
        """`.Values.weights.v2, values.yaml:3`."""
        name = ".Values" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in key[len(within) :])
        place = self.place(key)
        return f"{name}, {place}" if place else name

    def place(self, key: Fields) -> str:
        """Where a key is set; empty where no file does it."""
        if any(_sets(text, key) for text in self.sets):
            return "by --set"
        for document, path in self._documents(key):
            place = document.place(path)
            return f"{place.file}:{place.line}"
        return ""

    def spot(self, key: Fields, value: Any) -> Spot | None:
        """Where a key is set, so that it can be changed there: its value is put out as it is."""
        document, path = next(self._documents(key), (None, ()))
        if document is None or any(_sets(text, key) for text in self.sets) or not same(_at(document.data, path), value):
            return None
        return Spot(document.file, document.index, path)

    def _documents(self, key: Fields) -> Iterator[tuple[Document, Fields]]:
        """Those that set it, the one that wins first."""
        said = [(document, key) for document in self.files]
        for within, document in self.defaults.items():
            if key[: len(within)] == within:
                said.append((document, key[len(within) :]))
        yield from ((document, path) for document, path in said if _at(document.data, path) is not ABSENT)


def render(chart: Path, release: Release) -> list[Rendered]:
    """What Helm makes of a chart (a folder or an archive), by template. Raises TurnoutError, with what Helm says."""
    try:
        files = chart_files(chart)
    except OSError as error:
        raise TurnoutError(f"cannot read the chart {shown(chart)}: {error.strerror}") from error
    about = _about(files)
    _require_complete(about, files)
    helm = engine()
    name = release.name or str(about.get("name", "chart"))
    output = helm.render(files, name, release)
    values = _values(chart, files, release, helm)
    return [
        _text(chart, template, text, lines, files, values)
        for template, (text, lines) in _lined(helm, files, name, release, output).items()
    ]


def _lined(
    helm: Engine, files: Mapping[str, bytes], name: str, release: Release, output: Output
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Each text with the line of the template for each of its own; without any where marks would have changed it."""
    try:
        with_marks = helm.render({file: _marked(file, content) for file, content in files.items()}, name, release)
    except TurnoutError:
        with_marks = {}
    lined = {}
    for template, text in output.items():
        plain, lines = unmarked(with_marks.get(template, ""))
        lined[template] = (text, lines if plain.count("\n") == text.count("\n") else ())
    return lined


def _marked(file: str, content: bytes) -> bytes:
    """Only manifests: what partials put out may be compared, cut or hashed."""
    if "templates/" not in file or not file.endswith((".yaml", ".yml")):
        return content
    try:
        return marked(content.decode()).encode()
    except UnicodeDecodeError:
        return content


def _text(
    chart: Path, template: str, text: str, lines: tuple[int, ...], files: Mapping[str, bytes], values: Values
) -> Rendered:
    _, _, inside = template.partition("/")
    steps = inside.split("/")
    within = tuple(name for before, name in pairwise(steps) if before == SUBCHARTS)
    source = files.get(inside, b"").decode("utf-8", "replace")
    path = chart.absolute() / inside
    return Rendered(path, text, Template(shown(path), source, lines, values, within))


def _about(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """What its Chart.yaml says."""
    documents, _ = read(files.get(MARKER, b"").decode("utf-8", "replace"), MARKER)
    return documents[0].data if documents else {}


def _require_complete(about: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Helm's library renders without what is missing, where `helm template` refuses."""
    if about.get("type") == "library":
        raise TurnoutError("it is a library, which only other charts use")
    present = {file.split("/")[1] for file in files if file.startswith(f"{SUBCHARTS}/")}
    declared = about.get("dependencies")
    names = (
        [str(item.get("name")) for item in declared if isinstance(item, Mapping)] if isinstance(declared, list) else []
    )
    missing = [name for name in names if not any(item == name or item.startswith(f"{name}-") for item in present)]
    if missing:
        raise TurnoutError(
            f"{', '.join(missing)} of its dependencies is not in charts/", "helm dependency update loads it"
        )


def _values(chart: Path, files: Mapping[str, bytes], release: Release, helm: Engine) -> Values:
    given = [_document(file.read_bytes(), shown(file)) for file in reversed(release.values)]
    defaults = {}
    for file, content in files.items():
        folder, _, name = file.rpartition("/")
        steps = folder.split("/") if folder else []
        if name == VALUES and all(step == SUBCHARTS for step in steps[::2]) and len(steps) % 2 == 0:
            defaults[tuple(steps[1::2])] = _document(content, shown(chart / file))
    return Values(
        helm.values(files, release),
        tuple(document for document in given if document),
        release.sets,
        {within: document for within, document in sorted(defaults.items()) if document},
    )


def _document(content: bytes, name: str) -> Document | None:
    documents, _ = read(content.decode("utf-8", "replace"), name)
    return documents[0] if documents else None


def _is_scalar(values: Mapping[str, Any], reference: Reference) -> bool:
    nodes = list(under(values, reference, deep=False))
    return len(nodes) == 1 and not isinstance(nodes[0][1], Mapping | list) and nodes[0][0] == reference


def _common_end(key: Fields, path: Fields) -> int:
    pairs = zip(reversed(key), reversed(path), strict=False)
    return next((index for index, (left, right) in enumerate(pairs) if left != right), min(len(key), len(path)))


def _at(data: Any, path: Fields) -> Any:
    """The value at a path, or ABSENT."""
    for step in path:
        inside = step in data if isinstance(data, Mapping) else isinstance(data, list) and step in range(len(data))
        if not inside:
            return ABSENT
        data = data[step]
    return data


def _sets(text: str, key: Fields) -> bool:
    """Whether one of `a.b=1,c=2` is this key, or something it is in."""
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in key).lstrip(".")
    given = (part.partition("=")[0].strip() for part in text.split(","))
    return any(name == part or name.startswith((f"{part}.", f"{part}[")) for part in given if part)
