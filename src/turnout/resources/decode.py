"""Plain data to resources: the dataclasses are the schema. A plan per type is made once and then only followed."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union

from turnout.resources import duration
from turnout.resources.core import UNMODELLED
from turnout.resources.finding import Findings
from turnout.resources.layout import Path
from turnout.resources.meta import Metadata
from turnout.resources.spelling import closest, shown

T = TypeVar("T")

_WORD = re.compile(r"[-./a-zA-Z0-9]{1,40}")  # what needs no quotes in a hint


class Dialect(Enum):
    """Who reads the object: protojson (Istio's kinds), Kubernetes' own JSON, or the schema of a custom resource.

    The last is as strict as protojson about fields that do not exist, and spells them in one way only.
    """

    ISTIO = "istio"
    KUBERNETES = "kubernetes"
    CUSTOM = "custom"


class Walk:
    """Where in the object the decoding is, and what it has found."""

    __slots__ = ("findings", "path")

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.path: list[str | int] = []

    def fault(self, code: str, message: str, hint: str | None = None, key: str | None = None) -> None:
        path: Path = tuple(self.path) if key is None else (*self.path, key)
        self.findings.add(code, path, message, hint)


Decoder = Callable[[Any, Walk], Any]
"""From a JSON value that is not null to its Python value; None, with a finding, when it is none."""


def decode(cls: type[T], value: Any, dialect: Dialect, findings: Findings) -> T | None:
    """The resource in plain data, as far as it is right; what is wrong goes to `findings`. Never raises.

    None: not even the object itself could be made, for instance because it is a list or lacks a required field.
    """
    kind: Any = cls
    result = _decoder(kind, dialect)(value, Walk(findings))
    return result if isinstance(result, cls) else None


@cache
def _decoder(kind: Any, dialect: Dialect) -> Decoder:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return _one_of(arguments)
    if origin in (Union, types.UnionType):
        chosen = [argument for argument in arguments if argument is not types.NoneType]
        return _decoder(chosen[0], dialect) if len(chosen) == 1 else _int_or_text
    if origin is tuple:
        return _list(_decoder(arguments[0], dialect), arguments[0])
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_decoder(arguments[1], dialect), dialect, of_text=arguments[1] is str)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _Record(kind, Dialect.KUBERNETES if kind is Metadata else dialect)
    lenient = dialect is Dialect.ISTIO
    simple: dict[Any, Decoder] = {
        str: _text,
        bool: _boolean,
        int: _protobuf_int if lenient else _int,
        float: _float,
        timedelta: _duration,
    }
    return simple[kind]


def _text(value: Any, walk: Walk) -> Any:
    if type(value) is str:
        return value
    hint = None
    if type(value) in (int, float):
        hint = f'put it in quotes: "{value}"'
    elif type(value) is bool:
        hint = "put it in quotes: YAML reads y, yes, on, true, n, no, off, false as booleans"
    walk.fault("TNO013", f"expected text, not {_named(value)}", hint)
    return None


def _boolean(value: Any, walk: Walk) -> Any:
    if type(value) is bool:
        return value
    hint = "write it without quotes" if value in ("true", "false") else None
    walk.fault("TNO013", f"expected true or false, not {_named(value)}", hint)
    return None


def _int(value: Any, walk: Walk) -> Any:
    number = _whole(value)
    if number is None:
        is_quoted = isinstance(value, str) and value.lstrip("-").isdecimal()
        walk.fault(
            "TNO013",
            f"expected a whole number, not {_named(value)}",
            "write it without quotes" if is_quoted else None,
        )
    elif not -(2**63) <= number < 2**63:
        walk.fault("TNO016", f"{shown(value)} is out of range")
        return None
    return number


def _protobuf_int(value: Any, walk: Walk) -> Any:
    """Protobuf's JSON lets a number be quoted. The bounds are those of int32 and uint32 together."""
    if isinstance(value, str) and len(value) < 20 and value.lstrip("-").isdecimal() and value.isascii():
        value = int(value) if value.count("-") < 2 else value
    number = _whole(value)
    if number is None:
        walk.fault("TNO013", f"expected a whole number, not {_named(value)}")
    elif not -(2**31) <= number < 2**32:
        walk.fault("TNO016", f"{shown(value)} is out of range")
        return None
    return number


def _whole(value: Any) -> int | None:
    if type(value) is int:
        return value
    return int(value) if type(value) is float and value.is_integer() else None


def _float(value: Any, walk: Walk) -> Any:
    if type(value) is int and abs(value) < 2**64:
        return float(value)
    if type(value) is str:
        with contextlib.suppress(ValueError):
            value = float(value)
    if type(value) is float and math.isfinite(value):
        return value
    walk.fault("TNO013", f"expected a number, not {_named(value)}")
    return None


def _duration(value: Any, walk: Walk) -> Any:
    found = duration.parse(value) if type(value) is str else None
    if found is None:
        hint = f"write a unit: {value}s, or {value}ms" if type(value) in (int, float) else None
        walk.fault("TNO017", f"expected a duration, not {_named(value)}", hint)
    return found


def _int_or_text(value: Any, walk: Walk) -> Any:
    if type(value) in (int, str):
        return value
    walk.fault("TNO013", f"expected a number or a name, not {_named(value)}")
    return None


def _one_of(allowed: tuple[str, ...]) -> Decoder:
    def take(value: Any, walk: Walk) -> Any:
        if type(value) is str and value in allowed:
            return value
        near = closest(value, allowed) if isinstance(value, str) else None
        listed = ", ".join(allowed)
        walk.fault("TNO015", f"{_named(value)} is none of {listed}", f"did you mean {near}?" if near else None)
        return None

    return take


def _list(take_item: Decoder, kind: Any) -> Decoder:
    null_is_empty = getattr(kind, "NULL_IS_EMPTY", False)

    def take(value: Any, walk: Walk) -> Any:
        if type(value) is not list:
            walk.fault("TNO013", f"expected a list, not {_named(value)}", "start each item with `- `")
            return None
        items = []
        path = walk.path
        for number, item in enumerate(value):
            path.append(number)
            if item is None and not null_is_empty:
                walk.fault("TNO013", "an item of a list cannot be null", "remove the empty `- `")
                decoded = None
            else:
                decoded = take_item({} if item is None else item, walk)
            path.pop()
            if decoded is not None:
                items.append(decoded)
        return tuple(items)

    return take


def _mapping(take_value: Decoder, dialect: Dialect, *, of_text: bool) -> Decoder:
    null_is_empty = of_text and dialect is Dialect.KUBERNETES

    def take(value: Any, walk: Walk) -> Any:
        if not isinstance(value, Mapping):
            walk.fault("TNO013", f"expected a mapping, not {_named(value)}", _mapping_hint(value))
            return None
        decoded = {}
        for key, item in value.items():
            if item is None and null_is_empty:
                decoded[key] = ""
                continue
            walk.path.append(key)
            if item is None:
                walk.fault("TNO013", f"{shown(key)} cannot be null")
            elif (taken := take_value(item, walk)) is not None:
                decoded[key] = taken
            walk.path.pop()
        return decoded

    return take


@dataclass(frozen=True, slots=True)
class _Field:
    attribute: str
    take: Decoder


class _Record:
    """The decoder of one dataclass."""

    def __init__(self, cls: type[Any], dialect: Dialect) -> None:
        self._cls = cls
        self._dialect = dialect
        self._kinds = {
            k: v for k, v in typing.get_type_hints(cls).items() if typing.get_origin(v) is not typing.ClassVar
        }
        fields = dataclasses.fields(cls)
        self._names = {field.name: json_name(field) for field in fields}
        self._required = [f.name for f in fields if f.default is MISSING and f.default_factory is MISSING]
        self._only_one: tuple[tuple[str, ...], ...] = getattr(cls, "ONLY_ONE_OF", ())
        self._fields: dict[str, _Field] | None = None

    def __call__(self, value: Any, walk: Walk) -> Any:
        if type(value) is not dict and not isinstance(value, Mapping):
            walk.fault("TNO013", f"expected a mapping, not {_named(value)}", self._shape_hint(value))
            return None
        fields = self._fields or self._prepare()
        decoded: dict[str, Any] = {}
        path = walk.path
        for key, item in value.items():
            field = fields.get(key)
            if field is None:
                self._unknown(key, walk)
            elif item is not None:  # null is the same as leaving the field out
                path.append(key)
                taken = field.take(item, walk)
                path.pop()
                if taken is not None:
                    decoded[field.attribute] = taken
        if self._only_one:
            self._count_set(decoded, walk)
        return self._make(decoded, value, walk)

    def _prepare(self) -> dict[str, _Field]:
        fields = {}
        for attribute, name in self._names.items():
            field = _Field(attribute, _decoder(self._kinds[attribute], self._dialect))
            fields[name] = field
            if self._dialect is Dialect.ISTIO:  # protobuf's JSON takes both spellings
                fields[attribute.rstrip("_")] = field
        self._fields = fields
        return fields

    def _make(self, decoded: dict[str, Any], value: Mapping[str, Any], walk: Walk) -> Any:
        missing = [self._names[name] for name in self._required if name not in decoded]
        if not missing:
            return self._cls(**decoded)
        for name in missing:
            if value.get(name) is None:  # otherwise its value was wrong, and that is said already
                walk.fault("TNO014", f"`{name}` is missing")
        return None

    def _count_set(self, decoded: dict[str, Any], walk: Walk) -> None:
        for group in self._only_one:
            given = [self._names[name] for name in group if name in decoded]
            if len(given) > 1:
                walk.fault("TNO018", f"only one of {_listed(given)} may be set", "remove the others", key=given[1])

    def _unknown(self, key: str, walk: Walk) -> None:
        names = self._names.values()
        if self._dialect is Dialect.KUBERNETES:
            near = None if key in UNMODELLED else closest(key, names, cutoff=0.8)
            if near:
                walk.fault("TNO019", f"unknown field {shown(key)} is ignored", f"did you mean `{near}`?", key=key)
            return
        near = closest(key, names)
        hint = f"did you mean `{near}`?" if near else self._elsewhere(key)
        owner = next((step for step in reversed(walk.path) if isinstance(step, str)), None)
        where = f" in `{owner}`" if owner else ""
        walk.fault("TNO012", f"unknown field {shown(key)}{where}", hint or f"known here: {', '.join(names)}", key=key)

    def _elsewhere(self, key: str) -> str | None:
        """The field of this record under which the key would be right: `subset` belongs under `destination`."""
        for attribute, kind in self._kinds.items():
            inner = _record_in(kind)
            if inner is not None and key in {json_name(field) for field in dataclasses.fields(inner)}:
                return f"`{key}` belongs under `{self._names[attribute]}`"
        return None

    def _shape_hint(self, value: Any) -> str | None:
        names = list(self._names.values())
        if isinstance(value, (str, int, float)):
            value = value if isinstance(value, str) and _WORD.fullmatch(value) else shown(value)
            if len(names) == 1:
                return f"write `{names[0]}: {value}` below it"
            if self._only_one and len(self._only_one[0]) == len(names):
                return f"say which: `{names[0]}: {value}`, or one of {', '.join(names[1:])}"
        return _mapping_hint(value)


def json_name(field: dataclasses.Field[Any]) -> str:
    """`from_` → `from`, `consecutive_5xx_errors` → `consecutive5xxErrors`, unless the field names its own."""
    own = field.metadata.get("json")
    first, *rest = field.name.rstrip("_").split("_")
    return own if isinstance(own, str) else first + "".join(part[:1].upper() + part[1:] for part in rest)


def _record_in(kind: Any) -> Any:
    """The dataclass in `X | None` or `tuple[X, ...]`, or `X` itself."""
    for candidate in (kind, *typing.get_args(kind)):
        if dataclasses.is_dataclass(candidate):
            return candidate
    return None


def _mapping_hint(value: Any) -> str | None:
    return "remove the `- `: this is one mapping, not a list" if type(value) is list else None


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _named(value: Any) -> str:
    kinds: tuple[tuple[type, str], ...] = ((bool, ""), (str, "the text "), (int, "the number "), (float, "the number "))
    return next((prefix for kind, prefix in kinds if isinstance(value, kind)), "") + shown(value)
