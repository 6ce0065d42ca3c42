"""One object as it stands in a file: plain data, and where each part of it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from turnout.problem import Place
from turnout.resources.layout import Layout, Path

__all__ = ["Document", "Origin", "Path", "Spot"]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value can be changed: `path` in the document of this index, counted from 0, of a YAML file."""

    file: str
    index: int
    path: Path


class Origin(Protocol):
    """Where a text that no user wrote comes from: what Helm made of a template."""

    def place(self, line: int, column: int, path: Path, value: Any) -> Place:
        """What stands in the text there (counted from 1), in a file that a user can open.

        `path` is that in the object, and `value` what is there; None where nothing is.
        """

    def spot(self, line: int, path: Path, value: Any) -> Spot | None:
        """Where the same is changed; None where no YAML file says it, or it cannot be told."""


@dataclass(frozen=True, slots=True)
class Document:
    """`data` is what JSON would carry. `index` counts the objects of the file from 0, those of a `List` one by one.

    `base`: the path of the object inside its YAML document, `("items", 3)` in a `List`.
    """

    data: dict[str, Any]
    file: str
    index: int
    layout: Layout
    base: Path = ()
    origin: Origin | None = None
    """None where `file` is what the text was read from."""

    def place(self, path: Path = ()) -> Place:
        """Where the key (or list item) at this path is written; what is missing is at its nearest ancestor."""
        position = self.layout.position(self.base + path)
        line, column = position.line + 1, position.column + 1
        if self.origin is None:
            return Place(self.file, line, column)
        return self.origin.place(line, column, path, _at(self.data, path))

    def spot(self, path: Path) -> Spot | None:
        """Where the value at this path can be changed; None where that is in no YAML file, or cannot be told."""
        if self.origin is None:
            return Spot(self.file, self.index, path)
        return self.origin.spot(self.layout.position(self.base + path).line + 1, path, _at(self.data, path))

    def span(self, path: Path) -> tuple[int, int] | None:
        """The offsets (in characters of the file's text) of the value at this path, for an edit in place.

        An empty value (`key:`) has an empty span right behind its colon. None when the value is not written
        there: it is missing, or stands behind an alias or a merge key.
        """
        return self.layout.span(self.base + path)


def _at(data: Any, path: Path) -> Any:
    for step in path:
        if isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and -1 < step < len(data):
            data = data[step]
        else:
            return None
    return data
