"""Where each key and value of one YAML document stands in its file. Built only when somebody asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from turnout.resources.event import (
    Alias,
    DocumentEnd,
    Event,
    MappingEnd,
    MappingStart,
    Scalar,
    SequenceEnd,
    SequenceStart,
    events,
)
from turnout.resources.scalar import as_key, resolve

Path = tuple[str | int, ...]

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


class Position(NamedTuple):
    """Offsets count characters from the start of the file; line and column count from 0."""

    offset: int
    line: int
    column: int


@dataclass(slots=True)
class Node:
    """A value. `entries`: for each key (or list index) the place of the key (or item), and its value.

    `aliased`: what is in it is written elsewhere; `inherited`: it is itself, because a merge key brought it.
    """

    start: Position
    end: int
    entries: dict[str | int, tuple[Position, Node]] = field(default_factory=dict)
    aliased: bool = False
    inherited: bool = False


@dataclass(slots=True)
class _Open:
    node: Node
    flow: bool
    is_list: bool
    key: tuple[str, Position] | None = None
    merged: list[Node] = field(default_factory=list)


class Layout:
    """The places of one document: `text[start:end]`, whose first character is on `line` of the file."""

    def __init__(self, text: str, start: int, end: int, line: int) -> None:
        self._text = text
        self._start = start
        self._end = end
        self._line = line

    def position(self, path: Path) -> Position:
        """The key (or item) at this path, or its nearest ancestor that stands in the file."""
        node, position = self.root, self.root.start
        for step in path:
            entry = _entry(node, step)
            if entry is None:
                break
            position, node = entry
        return position

    def span(self, path: Path) -> tuple[int, int] | None:
        """The offsets of the value at this path; None when it is not written here (missing, or behind an alias)."""
        node = self.root
        for step in path:
            entry = None if node.aliased else _entry(node, step)
            if entry is None:
                return None
            node = entry[1]
        return None if node.inherited else (node.start.offset, node.end)

    @cached_property
    def root(self) -> Node:
        return _Builder(self._text, self._start, self._line).build(events(self._text[self._start : self._end]))


def _entry(node: Node, step: str | int) -> tuple[Position, Node] | None:
    found = node.entries.get(step)
    if found is None and isinstance(step, str):  # protobuf's own spelling of the same field
        found = node.entries.get(_CAPITAL.sub(r"_\1", step).lower())
    return found


class _Builder:
    """Trusts that the reader has accepted the text: no cycles, no duplicates, bounded depth."""

    def __init__(self, text: str, start: int, line: int) -> None:
        self._text = text
        self._offset = start
        self._first_line = line
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None

    def build(self, stream: Iterator[Event]) -> Node:
        for event in stream:
            if isinstance(event, DocumentEnd):
                break
            self._take(event)
        return self._root or Node(Position(self._offset, self._first_line, 0), self._offset)

    def _take(self, event: Event) -> None:
        match event:
            case Scalar():
                node = Node(self._position(event), self._offset_at_end(event))
                self._name(event.anchor, node)
                self._add(node, _key(event) if self._awaits_key() else "")
            case Alias():
                self._add(self._reference(event), "")
            case MappingStart() | SequenceStart():
                node = Node(self._position(event), self._offset_at_end(event))
                self._name(event.anchor, node)
                self._stack.append(_Open(node, bool(event.flow_style), isinstance(event, SequenceStart)))
            case MappingEnd() | SequenceEnd():
                self._close(event)

    def _reference(self, event: Event) -> Node:
        """An alias: it stands here, and what is in it stands at its anchor."""
        target = self._anchors[event.anchor]
        return Node(self._position(event), self._offset_at_end(event), target.entries, aliased=True)

    def _close(self, event: Event) -> None:
        opened = self._stack.pop()
        node = opened.node
        if opened.flow:
            node.end = self._offset + event.end_mark.index
        elif node.entries:
            node.end = max(child.end for _, child in node.entries.values())
        for merged in opened.merged:
            for key, entry in _inherited(merged):
                node.entries.setdefault(key, entry)
        self._add(node, "")

    def _add(self, node: Node, text: str) -> None:
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if top.is_list:
            top.node.entries[len(top.node.entries)] = (node.start, node)
        elif top.key is None:
            top.key = (text, node.start)
        else:
            key, position = top.key
            top.key = None
            top.node.entries[key] = (position, node)
            if key == "<<":
                top.merged.append(node)

    def _awaits_key(self) -> bool:
        return bool(self._stack) and not self._stack[-1].is_list and self._stack[-1].key is None

    def _name(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _position(self, event: Event) -> Position:
        mark = event.start_mark
        return Position(self._offset + mark.index, self._first_line + mark.line, mark.column)

    def _offset_at_end(self, event: Event) -> int:
        start: int = self._offset + event.start_mark.index
        end = self._offset + event.end_mark.index
        return start + len(self._text[start:end].rstrip())  # a block scalar's event ends on the next line


def _key(event: Scalar) -> str:
    return as_key(resolve(event.value, event.tag, is_plain=event.implicit[0])) or ""


def _inherited(merged: Node) -> Iterator[tuple[str | int, tuple[Position, Node]]]:
    """The keys that `<<: *one` or `<<: [*one, *two]` brings in; the first of a list wins."""
    sources = [merged] if 0 not in merged.entries else [node for _, node in merged.entries.values()]
    for source in sources:
        for key, (position, node) in source.entries.items():
            yield key, (position, Node(node.start, node.end, node.entries, aliased=True, inherited=True))
