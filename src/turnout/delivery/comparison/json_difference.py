"""How two JSON values differ, by path: the first place for each path and kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from turnout.delivery.comparison.json_path import ITEM, exact_member, member
from turnout.delivery.comparison.kind import Kind
from turnout.delivery.comparison.secret import Hidden

MOST_PLACES = 500
"""Differing fields of one pair of answers. Beyond that, they are no two versions of one answer."""
_IDENTITIES = ("id", "uid", "uuid", "_id", "key", "name", "code")
_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Place:
    """`at`: the path with indexes and real keys. What is there on each side; ABSENT if nothing is."""

    at: str
    stable: Any
    copy: Any


Places = Mapping[tuple[str, Kind], Place]
"""By path and kind."""


def json_differences(stable: Any, copy: Any) -> Places:
    """Both as `answer.Json` holds them.

    Items of arrays belong together by an id if they have one (a field such as `id`, with a value of its own in each),
    else by index; where lengths differ, what is equal at the beginning and at the end is left aside first. Arrays with
    the same items in another order differ in that only. Numbers are equal if their values are: 1 and 1.0.
    """
    walk = _Walk()
    walk.values("$", "$", stable, copy)
    return walk.places


def type_of(value: Any) -> str:
    """JSON's name for it; of a secret, what it would be."""
    return value.type if isinstance(value, Hidden) else _TYPES[type(value)]


@dataclass(slots=True)
class _Walk:
    places: dict[tuple[str, Kind], Place] = field(default_factory=dict)

    def values(self, path: str, at: str, stable: Any, copy: Any) -> None:
        kind = type_of(stable)
        if kind != type_of(copy):
            self.note(path, Kind.TYPE, at, stable, copy)
        elif kind == "object":
            self.objects(path, at, stable, copy)
        elif kind == "array":
            self.arrays(path, at, stable, copy)
        elif stable != copy:
            self.note(path, Kind.VALUE, at, stable, copy)

    def note(self, path: str, kind: Kind, at: str, stable: Any, copy: Any) -> None:
        if len(self.places) < MOST_PLACES:
            self.places.setdefault((path, kind), Place(at, stable, copy))

    def objects(self, path: str, at: str, stable: Mapping[str, Any], copy: Mapping[str, Any]) -> None:
        for key, value in stable.items():
            below, here = path + member(key), at + exact_member(key)
            if key in copy:
                self.values(below, here, value, copy[key])
            else:
                self.note(below, Kind.MISSING, here, value, ABSENT)
        for key, value in copy.items():
            if key not in stable:
                self.note(path + member(key), Kind.EXTRA, at + exact_member(key), ABSENT, value)

    def arrays(self, path: str, at: str, stable: Sequence[Any], copy: Sequence[Any]) -> None:
        forms = [_form(item) for item in stable], [_form(item) for item in copy]
        if forms[0] == forms[1]:
            return
        if len(stable) != len(copy):
            self.note(path, Kind.LENGTH, at, stable, copy)
        elif Counter(forms[0]) == Counter(forms[1]):
            self.note(path, Kind.ORDER, at, stable, copy)
            return
        ids = _identities(stable, copy)
        indexes = self.by_identity(path, at, stable, copy, ids) if ids else _by_index(*forms)
        for i, j in indexes:
            self.values(path + ITEM, f"{at}[{i}]", stable[i], copy[j])

    def by_identity(
        self, path: str, at: str, stable: Sequence[Any], copy: Sequence[Any], ids: _Identities
    ) -> list[tuple[int, int]]:
        """Which item of the one belongs to which of the other; those without a counterpart, in their order."""
        common = [i for i, name in enumerate(ids.stable) if name in ids.at]
        counterparts = [ids.at[ids.stable[i]] for i in common]
        if counterparts != sorted(counterparts):
            self.note(path, Kind.ORDER, at, stable, copy)
        left = [i for i in range(len(stable)) if ids.stable[i] not in ids.at]
        right = sorted(set(range(len(copy))) - set(counterparts))
        return [*zip(common, counterparts, strict=True), *zip(left, right, strict=False)]


def _by_index(stable: Sequence[Hashable], copy: Sequence[Hashable]) -> list[tuple[int, int]]:
    start = end = 0
    shorter = min(len(stable), len(copy))
    if len(stable) != len(copy):
        while start < shorter and stable[start] == copy[start]:
            start += 1
        while end < shorter - start and stable[-1 - end] == copy[-1 - end]:
            end += 1
    return [(i, i) for i in range(start, shorter - end)]


@dataclass(frozen=True, slots=True)
class _Identities:
    """`stable`: each item's id; `at`: of the other array, each id's index."""

    stable: Sequence[Hashable]
    at: Mapping[Hashable, int]


def _identities(stable: Sequence[Any], copy: Sequence[Any]) -> _Identities | None:
    """None unless one field tells all items apart, and most of the shorter array's are in the other one, too.

    Random ids would have none in common, and an id that all versions made anew says nothing.
    """
    for name in _IDENTITIES:
        one, other = _ids(stable, name), _ids(copy, name)
        if one and other and 2 * len(one.keys() & other.keys()) >= min(len(one), len(other)):
            return _Identities(list(one), other)
    return None


def _ids(items: Sequence[Any], name: str) -> dict[Hashable, int]:
    """Each item's id to its index; empty unless every item has one of its own."""
    found: dict[Hashable, int] = {}
    for index, item in enumerate(items):
        value = item.get(name) if isinstance(item, dict) else None
        if isinstance(value, bool) or not isinstance(value, (str, int, float, Hidden)) or value in found:
            return {}
        found[value] = index
    return found


def _form(value: Any) -> Hashable:
    """Equal for equal JSON values only: True is not 1, and the order of an object's members is nothing."""
    if isinstance(value, dict):
        return ("object", frozenset((key, _form(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(_form(item) for item in value))
    return ("boolean", value) if isinstance(value, bool) else value
