"""A kind's JSON schema, from the dataclasses that are its schema in Python, and what their docstrings say."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Literal, Union

from turnout.apiserver.field_words import METADATA, WORDS
from turnout.resources import interpret
from turnout.resources.core import Deployment, Kept, PodSpec
from turnout.resources.decode import Dialect, json_name
from turnout.resources.kinds import POD, REPLICA_SET, Kind
from turnout.resources.meta import Metadata

JSONObject = dict[str, Any]
ANY_FIELDS = "x-kubernetes-preserve-unknown-fields"


@dataclasses.dataclass(frozen=True, slots=True)
class _Pod:
    """A process that runs for a Deployment. Turnout writes it."""

    metadata: Metadata
    spec: PodSpec


SHOWN_AS: Mapping[Kind, type[Any]] = {POD: _Pod, REPLICA_SET: Deployment}
"""Kinds that are not read into a type of their own, and look like another's."""


def name_of(kind: Kind, version: str) -> str:
    """`io.istio.networking.v1.VirtualService`."""
    group = ".".join(reversed(kind.group.split("."))) if kind.group else "io.k8s.core"
    return f"{group}.{version}.{kind.kind}"


class Schemas:
    """The schemas of one document, by name."""

    def __init__(self) -> None:
        self.found: dict[str, JSONObject] = {}

    def add(self, kind: Kind, version: str) -> None:
        """A kind, and every type in it."""
        cls, dialect = interpret.shape(kind)
        cls = SHOWN_AS.get(kind, cls)
        is_open = dialect is Dialect.KUBERNETES or cls is Kept
        whole = self._record(cls, is_open)
        own = {"apiVersion": _text("The version of this representation of the object."), "kind": _text("Its kind.")}
        status = {"status": {"type": "object", "description": "What became of it.", ANY_FIELDS: True}}
        whole["description"] = WORDS.get(kind.title) or whole.get("description", "")
        whole = {**whole, "properties": {**own, **whole["properties"], **status}}
        whole["x-kubernetes-group-version-kind"] = [{"group": kind.group, "version": version, "kind": kind.kind}]
        self.found[name_of(kind, version)] = whole

    def _record(self, cls: type[Any], is_open: bool) -> JSONObject:
        words = described(cls)
        hints = typing.get_type_hints(cls)
        properties, required = {}, []
        for field in dataclasses.fields(cls):
            name = json_name(field)
            said = words.get(field.name) or WORDS.get(f"{cls.__name__}.{name}") or WORDS.get(name, "")
            properties[name] = self._described(self._of(hints[field.name], is_open), said)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                required.append(name)
        schema: JSONObject = {"type": "object", "properties": properties}
        if about := words.get("", ""):
            schema["description"] = about
        if required:
            schema["required"] = required
        return {**schema, ANY_FIELDS: True} if is_open else schema

    def _described(self, schema: JSONObject, words: str) -> JSONObject:
        if not words:
            return schema
        return {"allOf": [schema], "description": words} if "$ref" in schema else {**schema, "description": words}

    def _of(self, hint: Any, is_open: bool) -> JSONObject:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin in (Union, types.UnionType):
            chosen = [argument for argument in arguments if argument is not types.NoneType]
            return self._of(chosen[0], is_open) if len(chosen) == 1 else {"x-kubernetes-int-or-string": True}
        if origin is tuple:
            return {"type": "array", "items": self._of(arguments[0], is_open)}
        if origin is not None and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self._of(arguments[1], is_open)}
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return self._reference(hint, is_open)
        return dict(_SCALARS[hint])

    def _reference(self, cls: type[Any], is_open: bool) -> JSONObject:
        name = "io.k8s.meta.v1.ObjectMeta" if cls is Metadata else f"{cls.__module__.removesuffix('_')}.{cls.__name__}"
        if name not in self.found:
            self.found[name] = {}  # a type may hold itself
            self.found[name] = _METADATA if cls is Metadata else self._record(cls, is_open)
        return {"$ref": f"#/components/schemas/{name}"}


_SCALARS: Mapping[Any, JSONObject] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int64"},
    float: {"type": "number", "format": "double"},
    timedelta: {"type": "string", "description": "A duration, such as 500ms, 2s or 1m30s."},
}


def _text(words: str) -> JSONObject:
    return {"type": "string", "description": words}


_MAPS = {"type": "object", "additionalProperties": {"type": "string"}}
_LISTS = {"ownerReferences": {"type": "object", ANY_FIELDS: True}, "finalizers": {"type": "string"}}
_METADATA: JSONObject = {
    "type": "object",
    "description": "What every object has: its name, and what belongs to it.",
    "properties": {
        name: {
            **(_MAPS if name in ("labels", "annotations") else {}),
            **({"type": "array", "items": _LISTS[name]} if name in _LISTS else {}),
            **({"type": "integer", "format": "int64"} if name == "generation" else {}),
            **({"type": "string"} if name not in ("labels", "annotations", "generation", *_LISTS) else {}),
            "description": words,
        }
        for name, words in METADATA.items()
    },
}


def described(cls: type[Any]) -> Mapping[str, str]:
    """What the source says of a class ("") and its fields: the docstring below each. Empty where there is no source."""
    found = _classes(cls.__module__).get(cls.__name__)
    if found is None:
        return {}
    words = {"": _plain(ast.get_docstring(found) or "")}
    for field, after in zip(found.body, found.body[1:], strict=False):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            words[field.target.id] = _plain(str(after.value.value))  # type: ignore[attr-defined] # seen above
    return words


@cache
def _classes(module: str) -> Mapping[str, ast.ClassDef]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):
        return {}
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _plain(text: str) -> str:
    return " ".join(text.split())
