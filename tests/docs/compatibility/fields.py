"""Every field of a kind's spec, from the types that it is read into."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from turnout.resources.decode import json_name

EACH, KEY = "[]", "{}"
"""Steps into the items of a list, and into the values of a map."""
SAMPLE_KEY = "x-key"
_TEXTS = ("x", "v2", "b", "/x", "x.test", "5.5.5.5", "GET", "http", "80", "true", "a*", "cert", "/etc/x.pem", "eHg=")


@dataclass(frozen=True)
class Field:
    """One leaf. `rivals`: for each step that has some, the fields of which only one may be there."""

    steps: tuple[str, ...]
    kind: Any
    rivals: Mapping[int, tuple[str, ...]]

    @property
    def path(self) -> str:
        """As `http[].route[].weight`."""
        return ".".join(self.steps).replace(f".{EACH}", EACH).replace(f".{KEY}", KEY)

    @property
    def candidates(self) -> list[Any]:
        """Values of its type, as JSON has them."""
        return _candidates(self.kind)


def fields(
    kind: Any, steps: tuple[str, ...] = (), rivals: Mapping[int, tuple[str, ...]] | None = None
) -> Iterator[Field]:
    """Depth first, in the order in which they are declared."""
    rivals = rivals or {}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    inner = [each for each in arguments if each is not type(None)]
    if dataclasses.is_dataclass(kind):
        yield from _record(typing.cast("type[Any]", kind), steps, rivals)
    elif origin is tuple:
        yield from fields(arguments[0], (*steps, EACH), rivals)
    elif origin is not None and issubclass_of_mapping(origin):
        yield from fields(arguments[1], (*steps, KEY), rivals)
    elif len(inner) == 1 and len(arguments) == 2 and origin is not Literal:
        yield from fields(inner[0], steps, rivals)
    else:
        yield Field(steps, kind, rivals)


def issubclass_of_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _record(kind: type[Any], steps: tuple[str, ...], rivals: Mapping[int, tuple[str, ...]]) -> Iterator[Field]:
    hints, groups = typing.get_type_hints(kind), getattr(kind, "ONLY_ONE_OF", ())
    names = {each.name: json_name(each) for each in dataclasses.fields(kind)}
    for name, written in names.items():
        others = tuple(names[one] for group in groups if name in group for one in group if one != name)
        yield from fields(hints[name], (*steps, written), {**rivals, len(steps): others} if others else rivals)


def _candidates(kind: Any) -> list[Any]:
    if typing.get_origin(kind) is Literal:
        return list(typing.get_args(kind))
    if typing.get_origin(kind) is not None:  # a number or a text
        return [value for each in typing.get_args(kind) for value in _candidates(each)]
    known: dict[Any, list[Any]] = {
        bool: [True, False],
        int: [7, 80, 443, 100, 302, 0],
        float: [50.0, 1.5],
        timedelta: ["7s"],
        str: list(_TEXTS),
    }
    return known.get(kind, [])
