"""The schema of a kind, as a CustomResourceDefinition has it: what its dataclasses say, in OpenAPI v3's words."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING
from datetime import timedelta
from typing import Any, Final, Literal, Union

from turnout.resources.decode import json_name

_PLAIN: Final[Mapping[Any, Mapping[str, Any]]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    timedelta: {"type": "string", "description": "A duration, such as 30s, 5m or 1.5h."},
}


def schema(kind: Any) -> dict[str, Any]:
    """Of a dataclass of `resources`, or of what its fields hold. Structural, as the API server insists."""
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _record(kind)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _union([each for each in inner if each is not types.NoneType])
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": schema(inner[0])}
    assert origin is Mapping, f"{kind} is nothing that a resource holds"
    return {"type": "object", "additionalProperties": schema(inner[1])}


def _union(kinds: list[Any]) -> dict[str, Any]:
    if len(kinds) == 1:
        return schema(kinds[0])
    assert set(kinds) == {int, str}, f"{kinds} cannot be told apart"
    return {"x-kubernetes-int-or-string": True}


def _record(cls: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    properties = {json_name(field): schema(hints[field.name]) for field in fields}
    required = [json_name(field) for field in fields if field.default is MISSING and field.default_factory is MISSING]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}
