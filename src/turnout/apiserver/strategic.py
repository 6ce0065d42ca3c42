"""Kubernetes' strategic merge patch: a merge patch that knows which lists are maps in disguise.

See "Notes on the strategic merge patch" in Kubernetes' documentation. kubectl sends it for Kubernetes' own kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MERGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "port"),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""List field → the fields that may identify an item (a container's ports and a Service's share their name)."""

SETS = {"finalizers"}
"""Lists of plain values that are united."""


def strategic_merged(target: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """`target` with `patch` merged in; directives (`$patch`, `$retainKeys`, …) are carried out and removed.

    Raises KeyError, TypeError or AttributeError where the patch and the lists it names do not fit.
    """
    result = dict(target) if isinstance(target, Mapping) and patch.get("$patch") != "replace" else {}
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$"):
            _direct(result, key, value)
        elif value is None or (isinstance(value, Mapping) and value.get("$patch") == "delete"):
            result.pop(key, None)
        else:
            result[key] = _value(key, result.get(key), value)
    return _ordered(result, patch)


def _direct(result: dict[str, Any], directive: str, value: Any) -> None:
    """`$deleteFromPrimitiveList/finalizers: [a]` is the one that acts on its own."""
    name, _, field = directive.partition("/")
    if name == "$deleteFromPrimitiveList" and isinstance(result.get(field), list):
        result[field] = [item for item in result[field] if item not in value]


def _value(key: str, target: Any, patch: Any) -> Any:
    if isinstance(patch, Mapping):
        return strategic_merged(target, patch)
    if not isinstance(patch, list):
        return patch
    present = target if isinstance(target, list) else []
    if key in SETS:
        return [*present, *(item for item in patch if item not in present)]
    identity = _merge_key(key, patch)
    if identity is None and any("$patch" in item for item in patch if isinstance(item, Mapping)):
        raise KeyError(key)
    return _list(present, patch, identity) if identity else patch


def _merge_key(field: str, items: Iterable[Any]) -> str | None:
    """The field that identifies the items: each of them has it, save a bare `{$patch: replace}`."""
    named = [item for item in items if item != {"$patch": "replace"}]
    return next((key for key in MERGE_KEYS.get(field, ()) if all(key in item for item in named)), None)


def _list(present: list[Any], patch: list[Any], identity: str) -> list[Any]:
    if {"$patch": "replace"} in patch:
        return [item for item in patch if item != {"$patch": "replace"}]
    result = {item.get(identity): item for item in present}
    for item in patch:
        if item.get("$patch") == "delete":
            result.pop(item[identity], None)
        else:
            result[item[identity]] = strategic_merged(result.get(item[identity]), item)
    return list(result.values())


def _ordered(result: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`$setElementOrder/containers: [{name: a}, {name: b}]` sorts what is listed to the front."""
    for directive, order in patch.items():
        name, _, field = directive.partition("/")
        items = result.get(field)
        if name != "$setElementOrder" or not isinstance(items, list):
            continue
        wanted = [_identity(field, item) for item in order]
        ranks = [_rank(wanted, _identity(field, item)) for item in items]
        result[field] = [item for _, item in sorted(zip(ranks, items, strict=True), key=lambda ranked: ranked[0])]
    return result


def _identity(field: str, item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    return next((item[key] for key in MERGE_KEYS.get(field, ()) if key in item), None)


def _rank(wanted: list[Any], identity: Any) -> int:
    return wanted.index(identity) if identity in wanted else len(wanted)
