"""YAML text to documents, as Kubernetes reads YAML: without recursion, within bounds that no input can exceed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from turnout.problem import Place, Problem
from turnout.resources.codes import problem
from turnout.resources.document import Document
from turnout.resources.event import (
    Alias,
    DocumentEnd,
    DocumentStart,
    Event,
    MappingEnd,
    MappingStart,
    Scalar,
    SequenceEnd,
    SequenceStart,
    SyntaxFault,
    events,
)
from turnout.resources.layout import Layout, Path
from turnout.resources.scalar import Value, as_key, resolve
from turnout.resources.spelling import shown
from turnout.resources.syntax import fault_problem, unreadable

LARGEST_TEXT = 16 * 1024 * 1024  # characters; 10,000 services take about 12 million
LARGEST_DEPTH = 100
LARGEST_EXPANSION = 100_000  # values that the aliases of one file may stand for
MOST_PROBLEMS = 50

_MERGE = object()  # the key `<<`
_NO_KEY = "a mapping or a list cannot be a key"


def read(text: str, file: str) -> tuple[list[Document], list[Problem]]:
    """The objects of a file, those of a `List` one by one, and what is wrong with the text.

    With an error among the problems the documents are incomplete: such a file must not be applied. Bytes that are no
    UTF-8 are told apart when the text was decoded with `surrogateescape`.
    """
    if len(text) > LARGEST_TEXT:
        return [], [problem("TNO006", Place(file, 1, 1), f"the file has more than {LARGEST_TEXT:,} characters")]
    if fault := unreadable(text, file):
        return [], [fault]
    if not text.strip("\ufeff \t\r\n"):
        return [], [problem("TNO009", Place(file, 1, 1), "the file is empty")]
    reader = _Reader(text, file)
    reader.run()
    return reader.documents, reader.problems


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet. `lines`: where each key stands, from 0."""

    value: Any
    key: Any = None
    lines: dict[str, int] = field(default_factory=dict)
    merged: list[tuple[Any, Event]] = field(default_factory=list)


class _Refused(Exception):
    """The rest of the file cannot be read: the way out of the loop over its events, never seen outside."""

    def __init__(self, found: Problem) -> None:
        self.problem = found


class _Reader:
    """One pass over the events of one file."""

    def __init__(self, text: str, file: str) -> None:
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self._text = text
        self._file = file
        self._mark = int(text.startswith("\ufeff"))  # a byte order mark is no part of what is parsed
        self._stack: list[_Open] = []
        self._anchors: dict[str, Any] = {}
        self._expanded = 0
        self._root: Any = None
        self._begin: Event | None = None
        self._first: Event | None = None

    def run(self) -> None:
        try:
            for event in events(self._text[self._mark :]):
                self._take(event)
        except _Refused as refused:
            self.problems.append(refused.problem)
        except SyntaxFault as fault:
            self.problems.append(fault_problem(fault, self._text[self._mark :], self._file))

    def _take(self, event: Event) -> None:
        # Ordered by frequency: this runs once per token of every manifest.
        kind = type(event)
        if kind is Scalar:
            self._scalar(event)
        elif kind is MappingStart or kind is SequenceStart:
            self._open(event, {} if kind is MappingStart else [])
        elif kind is MappingEnd or kind is SequenceEnd:
            self._close()
        elif kind is Alias:
            self._alias(event)
        elif kind is DocumentStart:
            self._begin, self._first, self._root = event, None, None
            self._anchors.clear()
        elif kind is DocumentEnd:
            self._finish(event)

    def _scalar(self, event: Event) -> None:
        try:
            value = resolve(event.value, event.tag, is_plain=event.implicit[0])
        except ValueError as fault:
            raise self._refusal("TNO008", event, str(fault)) from fault
        if type(value) is float and not math.isfinite(value):
            raise self._refusal(
                "TNO008", event, f"{shown(event.value)} is not a number that JSON can carry", "quote it"
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        if self._awaits_key():
            self._key(self._stack[-1], value, event, is_merge=event.implicit[0] and value == "<<")
        else:
            self._put(value, event)

    def _open(self, event: Event, value: dict[str, Any] | list[Any]) -> None:
        if len(self._stack) >= LARGEST_DEPTH:
            raise self._refusal("TNO006", event, f"nested deeper than {LARGEST_DEPTH} levels")
        if self._awaits_key():
            raise self._refusal("TNO008", event, _NO_KEY, "quote a placeholder such as `{{ name }}`")
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        self._put(value, event)
        self._stack.append(_Open(value))

    def _close(self) -> None:
        opened = self._stack.pop()
        for source, event in opened.merged:
            for merged in source if type(source) is list else [source]:
                if type(merged) is not dict:
                    raise self._refusal("TNO007", event, "`<<` merges mappings, and this is none", "write `<<: *name`")
                for key, value in merged.items():
                    opened.value.setdefault(key, value)

    def _key(self, top: _Open, value: Value, event: Event, *, is_merge: bool = False) -> None:
        if is_merge:
            top.key = _MERGE
            return
        key = as_key(value)
        if key is None:
            raise self._refusal("TNO008", event, "null cannot be a key")
        if key in top.lines:
            self._report("TNO004", event, f"{shown(key)} is given twice; first on line {top.lines[key] + 1}")
        top.lines[key] = event.start_mark.line
        top.key = key

    def _put(self, value: Any, event: Event) -> None:
        if not self._stack:
            self._root, self._first = value, event
            return
        top = self._stack[-1]
        if type(top.value) is list:
            top.value.append(value)
        elif top.key is _MERGE:
            top.merged.append((value, event))
        else:
            top.value[top.key] = value
        top.key = None

    def _awaits_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].key is None and type(self._stack[-1].value) is dict

    def _alias(self, event: Event) -> None:
        name = event.anchor
        if name not in self._anchors:
            raise self._refusal("TNO007", event, f"no anchor `&{name}` comes before this in the document")
        target = self._anchors[name]
        if type(target) in (dict, list) and any(opened.value is target for opened in self._stack):
            raise self._refusal("TNO007", event, f"`*{name}` stands inside its own anchor `&{name}`")
        value = self._copy(target, event, len(self._stack))
        if not self._awaits_key():
            self._put(value, event)
        elif type(value) in (dict, list):
            raise self._refusal("TNO008", event, _NO_KEY)
        else:
            self._key(self._stack[-1], value, event)

    def _copy(self, value: Any, event: Event, depth: int) -> Any:
        """What an alias stands for, a copy of its own: nobody who changes one changes the other."""
        self._expanded += 1
        if self._expanded > LARGEST_EXPANSION:
            raise self._refusal("TNO006", event, f"the aliases stand for more than {LARGEST_EXPANSION:,} values")
        if depth > LARGEST_DEPTH:
            raise self._refusal("TNO006", event, f"nested deeper than {LARGEST_DEPTH} levels")
        if type(value) is dict:
            return {key: self._copy(item, event, depth + 1) for key, item in value.items()}
        if type(value) is list:
            return [self._copy(item, event, depth + 1) for item in value]
        return value

    def _finish(self, event: Event) -> None:
        """A document is complete: keep the objects in it."""
        begin, first = self._begin, self._first
        if self._root is None or begin is None or first is None:
            return  # an empty document, as between two `---`
        if type(self._root) is not dict:
            self._report("TNO005", first, f"this document is {_described(self._root)}, not an object")
            return
        mark = begin.start_mark
        layout = Layout(self._text, self._mark + mark.index - mark.column, self._mark + event.end_mark.index, mark.line)
        self._flatten(self._root, layout, ())

    def _flatten(self, data: dict[str, Any], layout: Layout, base: Path) -> None:
        """`kubectl get -o yaml` wraps several objects in a `List`, or in the `…List` of their kind."""
        if not (str(data.get("kind", "")).endswith("List") and type(data.get("items")) is list):
            self.documents.append(Document(data, self._file, len(self.documents), layout, base))
            return
        for number, item in enumerate(data["items"]):
            path = (*base, "items", number)
            if type(item) is dict:
                self._flatten(item, layout, path)
            else:
                where = Document(data, self._file, 0, layout).place(path)
                self.problems.append(problem("TNO005", where, f"this item is {_described(item)}, not an object"))

    def _report(self, code: str, event: Event, message: str) -> None:
        self.problems.append(problem(code, self._place(event), message))
        if len(self.problems) >= MOST_PROBLEMS:
            raise self._refusal("TNO006", event, f"reading stops here, after {MOST_PROBLEMS} problems")

    def _refusal(self, code: str, event: Event, message: str, hint: str | None = None) -> _Refused:
        return _Refused(problem(code, self._place(event), message, hint))

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1)


def _described(value: Any) -> str:
    return "a list" if type(value) is list else f"the value {shown(value)}"
