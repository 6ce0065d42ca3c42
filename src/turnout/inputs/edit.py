"""Changing values in a YAML file in place: every other line stays as it is, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from turnout.inputs.align import same
from turnout.inputs.merge import ABSENT
from turnout.inputs.scalar import Scalar, written
from turnout.problem import Problem, errors
from turnout.resources.codes import problem
from turnout.resources.document import Document, Path
from turnout.resources.reader import read

NOT_EDITABLE: Final = "TNO220"

SHARED: Final = "it is shared through a YAML anchor (`&`), or laid out in a way that cannot be edited safely"

PROPERTIES: Final = re.compile(r"(?:[&!][^\s,\[\]{}]*\s+)*")
"""Anchor and tag before a value."""

BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML 1.1."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`text[start:end]` becomes `replacement`. At one place, replacements come first, then deeper insertions."""

    start: int
    rank: int
    end: int
    replacement: str


def set_values(text: str, document: Document, values: Mapping[Path, Scalar]) -> str | Problem:
    """The file's text with these values; keys that are missing are added after their siblings.

    `text` is what `document` was read from, line ends included. The new text is read again before it is given: when it
    says anything but what was asked for (the value comes through an anchor that other places use), the answer is a
    Problem instead, and the same when the text is not the document's any more.
    """
    wanted = {path: value for path, value in values.items() if not same(_at(document.data, path), value)}
    if not wanted:
        return text
    documents, _ = read(text, document.file)
    fresh = documents[document.index] if document.index < len(documents) else None
    if fresh is None or not same(fresh.data, document.data):
        return _refusal(document, next(iter(wanted)), "the file has changed since it was read")
    source = Source(text, fresh)
    edits: list[Edit] = []
    for path, value in wanted.items():
        edit = _edit(source, path, value)
        if isinstance(edit, str):
            return _refusal(fresh, path, edit)
        edits.append(edit)
    edited = _edited(text, edits)
    expected = [deepcopy(item.data) for item in documents]
    for path, value in wanted.items():
        _at(expected[document.index], path[:-1])[path[-1]] = value
    return edited if _says(edited, expected) else _refusal(fresh, next(iter(wanted)), SHARED)


@dataclass(frozen=True, slots=True)
class Source:
    """A document in its text: where things stand."""

    text: str
    document: Document

    def key(self, path: Path) -> int:
        """Offset of the key at a path."""
        return self.document.layout.position(self.document.base + path).offset

    def indent(self, path: Path) -> str:
        """What stands before a key on its line."""
        key = self.key(path)
        return self.text[key - self.document.place(path).column + 1 : key]

    def value(self, path: Path) -> tuple[int, int]:
        """Offsets of the value at a path, without anchor and tag."""
        start, end = self.document.span(path) or (0, 0)
        match = PROPERTIES.match(self.text, start, end)
        return (match.end() if match else start), end

    def is_own(self, path: Path) -> bool:
        """Whether a key is written in its mapping itself, and not merged in (`<<`) from elsewhere."""
        start, end = self.document.span(path[:-1]) or (0, 0)
        return start <= self.key(path) < end

    def own_keys(self, path: Path) -> list[Path]:
        """The paths of a mapping's own keys, in the order they are written."""
        keys = [(*path, key) for key in _at(self.document.data, path)]
        return sorted(filter(self.is_own, keys), key=self.key)

    def line_end(self, offset: int) -> int:
        match = BREAK.search(self.text, offset)
        return match.start() if match else len(self.text)

    def line_break(self, offset: int) -> str:
        """The one that ends this line; for a last line without one, the file's first."""
        match = BREAK.search(self.text, offset) or BREAK.search(self.text)
        return match[0] if match else "\n"


def _edit(source: Source, path: Path, value: Scalar) -> Edit | str:
    """The edit, or why there is none."""
    current, parent = _at(source.document.data, path), _at(source.document.data, path[:-1])
    if isinstance(current, Mapping | list):
        return "there is more than a single value here"
    if current is not ABSENT and (isinstance(path[-1], int) or source.is_own(path)):
        return _replacement(source.text, *source.value(path), value)
    if not isinstance(parent, Mapping) or not isinstance(path[-1], str):
        return "there is nothing here that it could be added to"
    if parent and not source.own_keys(path[:-1]):
        return SHARED
    start, _ = source.value(path[:-1])
    is_flow = source.text[start : start + 1] == "{"
    return (_flow_insertion if is_flow else _block_insertion)(source, path[:-1], path[-1], value)


def _replacement(text: str, start: int, end: int, value: Scalar) -> Edit:
    old = text[start:end]
    new = written(value, old[0] if old[:1] in ("'", '"') else "")
    return Edit(start, 0, end, f" {new}" if not old and text[start - 1 : start] in (":", "-") else new)


def _flow_insertion(source: Source, path: Path, key: str, value: Scalar) -> Edit:
    """`{host: a}` to `{host: a, weight: 1}`; on a line of its own where the last key has one."""
    siblings = source.own_keys(path)
    if not siblings:
        start = source.value(path)[0] + 1
        return Edit(start, 1, start, f"{written(key)}: {written(value)}")
    last = siblings[-1]
    quote = source.text[source.key(last)]
    name = written(key, quote if quote in ("'", '"') else "")
    indent, end = source.indent(last), source.value(last)[1]
    gap = " " if indent.strip() else source.line_break(end) + indent
    return Edit(end, 1, end, f",{gap}{name}: {written(value)}")


def _block_insertion(source: Source, path: Path, key: str, value: Scalar) -> Edit:
    """A line after the last of its siblings, and after the comment at that line's end."""
    siblings = source.own_keys(path)
    indent = " " * len(source.indent(siblings[0]))
    end = source.value(siblings[-1])[1]
    return Edit(
        source.line_end(end),
        1000 - len(indent),
        source.line_end(end),
        f"{source.line_break(end)}{indent}{written(key)}: {written(value)}",
    )


def _edited(text: str, edits: Iterable[Edit]) -> str:
    pieces, done = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.rank)):
        pieces += [text[done : edit.start], edit.replacement]
        done = edit.end
    return "".join([*pieces, text[done:]])


def _says(text: str, expected: list[dict[str, Any]]) -> bool:
    """Whether the text says just this: the proof of each edit."""
    documents, problems = read(text, "")
    return not errors(problems) and same(expected, [document.data for document in documents])


def _refusal(document: Document, path: Path, why: str) -> Problem:
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return problem(NOT_EDITABLE, document.place(path), f"cannot change `{name}` in this file: {why}")


def _at(data: Any, path: Path) -> Any:
    """The value at a path, or ABSENT."""
    for key in path:
        if isinstance(data, Mapping):
            data = data.get(key, ABSENT)
        elif isinstance(data, list) and isinstance(key, int) and -1 < key < len(data):
            data = data[key]
        else:
            return ABSENT
    return data
