"""One object as it stands in a file: plain data, and where each part of it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from turnout.problem import Place
from turnout.resources.layout import Layout, Path

__all__ = ["Document", "Path"]


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

    def place(self, path: Path = ()) -> Place:
        """Where the key (or list item) at this path is written; what is missing is at its nearest ancestor."""
        position = self.layout.position(self.base + path)
        return Place(self.file, position.line + 1, position.column + 1)

    def span(self, path: Path) -> tuple[int, int] | None:
        """The offsets (in characters of the file's text) of the value at this path, for an edit in place.

        An empty value (`key:`) has an empty span right behind its colon. None when the value is not written
        there: it is missing, or stands behind an alias or a merge key.
        """
        return self.layout.span(self.base + path)
