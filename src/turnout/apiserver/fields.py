"""An object's fields, one by one: who owns which is a set of these.

A path has the elements of Kubernetes' FieldsV1: `f:spec` for a field, `k:{"name":"a"}` for an item of a list that is a
map in disguise, `v:"x"` for one of a set. Leaves are scalars, empty maps and lists, and whatever is one value
(`list_type`); an item of a list is a member of its own besides its fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from turnout.apiserver.list_type import is_atomic_map, keys_of, list_type
from turnout.resources.kinds import Kind

Path = tuple[str, ...]
Paths = frozenset[Path]
Tree = dict[str, Any]
"""Paths as FieldsV1 writes them: nested, `.` marks a member that has members below it."""

SELF: Final = "."
MAX_DEPTH: Final = 64

_SERVERS: Final = frozenset(("apiVersion", "kind"))
_SERVERS_METADATA: Final = frozenset(
    (
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generateName",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    )
)


def fields_of(kind: Kind, obj: Mapping[str, Any], *, status: bool) -> dict[Path, Any]:
    """Every field that can have an owner, with its value; of the status alone, or all but the status."""
    if status:
        return dict(_field(kind, "status", obj["status"], (), ())) if "status" in obj else {}
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key not in _SERVERS_METADATA}
    found = dict(_members(kind, metadata, ("f:metadata",), ("metadata",)))
    for name, value in obj.items():
        if name not in _SERVERS and name not in ("metadata", "status"):
            found.update(_field(kind, name, value, (), ()))
    return found


def _field(kind: Kind, name: str, value: Any, path: Path, names: Path) -> Iterator[tuple[Path, Any]]:
    return _value(kind, value, (*path, f"f:{name}"), (*names, name))


def _members(kind: Kind, value: Mapping[str, Any], path: Path, names: Path) -> Iterator[tuple[Path, Any]]:
    for name, member in value.items():
        yield from _field(kind, name, member, path, names)


def _value(kind: Kind, value: Any, path: Path, names: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value and not is_atomic_map(kind, names):
        yield from _members(kind, value, path, names)
    elif isinstance(value, list) and (named := items(kind, value, names)):
        for element, item in named.items():
            yield (*path, element), None  # that it is there; what it says are its members
            if isinstance(item, Mapping):
                yield from _members(kind, item, (*path, element), names)
    else:
        yield path, value


def items(kind: Kind, value: Sequence[Any], names: Path) -> dict[str, Any] | None:
    """The items by their path element; None for a list that is one value, also for want of keys, or by double ones."""
    type_ = list_type(kind, names)
    if type_ == "atomic":
        return None
    named: dict[str, Any] = {}
    for item in value:
        identity = item if type_ == "set" else keys_of(item, type_)
        if identity is None or (type_ == "set" and isinstance(item, Mapping | list)):
            return None
        named[f"{'v' if type_ == 'set' else 'k'}:{json.dumps(identity, separators=(',', ':'), sort_keys=True)}"] = item
    return named if len(named) == len(value) else None


def encoded(paths: Iterable[Path]) -> Tree:
    """FieldsV1."""
    tree: Tree = {}
    members = []
    for path in paths:
        node = tree
        for element in path:
            node = node.setdefault(element, {})
        members.append(node)
    for node in members:
        if node:
            node[SELF] = {}
    return tree


def decoded(tree: Mapping[str, Any]) -> Paths:
    """The paths of a FieldsV1. Raises ValueError for what is none."""
    return frozenset(_decoded(tree, ()))


def _decoded(tree: Any, path: Path) -> Iterator[Path]:
    if not isinstance(tree, Mapping) or len(path) > MAX_DEPTH:
        raise ValueError(f"no set of fields at {path}")
    if path and (not tree or SELF in tree):
        yield path
    for element, below in tree.items():
        if element != SELF:
            _check(element)
            yield from _decoded(below, (*path, element))


def _check(element: str) -> None:
    """Raises ValueError for what is no element of a path."""
    kind, separator, text = element.partition(":")
    if not separator or kind not in ("f", "k", "v"):
        raise ValueError(f"no element of a path: {element!r}")
    if kind == "k" and not isinstance(json.loads(text), dict):
        raise ValueError(f"no keys: {element!r}")


def prefixes(paths: Iterable[Path]) -> set[Path]:
    """The paths, and all above them."""
    return {path[:length] for path in paths for length in range(1, len(path) + 1)}


def dotted(path: Path) -> str:
    """`.spec.template.spec.containers[name="a"].image`, as Kubernetes names a field in a conflict."""
    return "".join(map(_shown, path))


def _shown(element: str) -> str:
    kind, _, text = element.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "v":
        return f"[={text}]"
    return f"[{','.join(f'{key}={json.dumps(value)}' for key, value in json.loads(text).items())}]"
