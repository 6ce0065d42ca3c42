"""Elements by key, in an order: each is made once, changes in place, and moves only where the order is another."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, Protocol, TypeVar

from turnout.web.markup import Tag

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)


class Entry(Protocol[C_contra]):
    """`element` is the outermost one; `show` changes what it says."""

    @property
    def element(self) -> Tag: ...

    def show(self, content: C_contra, /) -> None: ...


class Keyed(Generic[C]):
    """`make` makes the elements of one entry, within `parent`."""

    def __init__(self, parent: Tag, make: Callable[[], Entry[C]]) -> None:
        self._parent = parent
        self._make = make
        self._shown: dict[Hashable, Entry[C]] = {}

    def show(self, wanted: Mapping[Hashable, C]) -> None:
        """All entries, as they are now, in this order."""
        for gone in [key for key in self._shown if key not in wanted]:
            self._shown.pop(gone).element.delete()
        before = list(self._shown)
        with self._parent:
            self._shown = {key: self._shown.get(key) or self._make() for key in wanted}
        if list(self._shown)[: len(before)] != before:
            for at, entry in enumerate(self._shown.values()):
                entry.element.move(target_index=at)
        for key, entry in self._shown.items():
            entry.show(wanted[key])
