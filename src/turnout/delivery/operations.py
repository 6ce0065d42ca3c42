"""The fewest operations (RFC 6902) that make one JSON value another: who else looks at an object sees only those move.

Written here because the command line is to start fast, and the library takes 12 ms to import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from turnout.delivery.edit import FieldPath, pointer

Operation = Mapping[str, Any]


def operations(path: FieldPath, before: Any, after: Any) -> Iterator[Operation]:
    """To be carried out in this order. Lists are held against each other from both ends."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_mappings(path, before, after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(path, before, after)
    elif not _equal(before, after):
        yield {"op": "replace", "path": pointer(path), "value": after}


def _of_mappings(path: FieldPath, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Operation]:
    for key in before:
        if key not in after:
            yield {"op": "remove", "path": pointer((*path, key))}
    for key, value in after.items():
        if key in before:
            yield from operations((*path, key), before[key], value)
        else:
            yield {"op": "add", "path": pointer((*path, key)), "value": value}


def _of_lists(path: FieldPath, before: list[Any], after: list[Any]) -> Iterator[Operation]:
    shorter = min(len(before), len(after))
    head = next((at for at in range(shorter) if not _same(before[at], after[at])), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if not _same(before[-1 - at], after[-1 - at])), rest)
    both, gone, new = shorter - tail, len(before) - tail, len(after) - tail
    for at in range(head, both):
        yield from operations((*path, at), before[at], after[at])
    for at in reversed(range(both, gone)):
        yield {"op": "remove", "path": pointer((*path, at))}
    for at in range(both, new):
        yield {"op": "add", "path": pointer((*path, at)), "value": after[at]}


def _same(one: Any, other: Any) -> bool:
    """As JSON has it: true is no 1."""
    return next(operations((), one, other), None) is None if _is_container(one, other) else _equal(one, other)


def _is_container(one: Any, other: Any) -> bool:
    return any(isinstance(one, kind) and isinstance(other, kind) for kind in (Mapping, list))


def _equal(one: Any, other: Any) -> bool:
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)
