r"""Bodies in Kubernetes' protobuf, in which Go's typed clients write Kubernetes' own kinds: Helm its releases, for one.

A body is `k8s\0`, then an envelope with apiVersion, kind and the object's bytes. Answers are JSON, which such a client
takes as well. The numbers of the fields are those of `generated.proto` in k8s.io/api and k8s.io/apimachinery.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
MAGIC: Final = b"k8s\x00"

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""How a field is written."""

STRING, INT, BOOL, BINARY, TIME, MICRO_TIME = "string", "int", "bool", "binary", "time", "micro time"


class Malformed(ValueError):
    """The bytes are no such message, or one of a kind that is not read here."""


@dataclass(frozen=True, slots=True)
class Field:
    """`of`: a scalar, or the fields of a message. In a map, `of` is that of the values; keys are texts."""

    name: str
    of: str | Mapping[int, Field]
    repeated: bool = False
    is_map: bool = False


def _message(*fields: Field | None) -> dict[int, Field]:
    """Numbered from 1; None where a number is not in use."""
    return {number: field for number, field in enumerate(fields, 1) if field is not None}


def _texts(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, STRING) for name in names)


_OWNER = {
    1: Field("kind", STRING),
    3: Field("name", STRING),
    4: Field("uid", STRING),
    5: Field("apiVersion", STRING),
    6: Field("controller", BOOL),
    7: Field("blockOwnerDeletion", BOOL),
}
_METADATA: Final = {
    **_message(*_texts("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion")),
    7: Field("generation", INT),
    8: Field("creationTimestamp", TIME),
    9: Field("deletionTimestamp", TIME),
    10: Field("deletionGracePeriodSeconds", INT),
    11: Field("labels", STRING, is_map=True),
    12: Field("annotations", STRING, is_map=True),
    13: Field("ownerReferences", _OWNER, repeated=True),
    14: Field("finalizers", STRING, repeated=True),
}
_META = Field("metadata", _METADATA)
_SECRET = _message(
    _META,
    Field("data", BINARY, is_map=True),
    Field("type", STRING),
    Field("stringData", STRING, is_map=True),
    Field("immutable", BOOL),
)
_CONFIG_MAP = _message(
    _META, Field("data", STRING, is_map=True), Field("binaryData", BINARY, is_map=True), Field("immutable", BOOL)
)
_NAMESPACE = _message(
    _META,
    Field("spec", _message(Field("finalizers", STRING, repeated=True))),
    Field("status", _message(Field("phase", STRING))),
)
_LEASE = _message(
    _META,
    Field(
        "spec",
        _message(
            Field("holderIdentity", STRING),
            Field("leaseDurationSeconds", INT),
            Field("acquireTime", MICRO_TIME),
            Field("renewTime", MICRO_TIME),
            Field("leaseTransitions", INT),
            *_texts("strategy", "preferredHolder"),
        ),
    ),
)
_DELETE_OPTIONS = _message(
    Field("gracePeriodSeconds", INT),
    Field("preconditions", _message(*_texts("uid", "resourceVersion"))),
    Field("orphanDependents", BOOL),
    Field("propagationPolicy", STRING),
    Field("dryRun", STRING, repeated=True),
)
_RESOURCE_ATTRIBUTES = _message(*_texts("namespace", "verb", "group", "version", "resource", "subresource", "name"))
_ACCESS_REVIEW = _message(
    _META,
    Field(
        "spec",
        _message(
            Field("resourceAttributes", _RESOURCE_ATTRIBUTES),
            Field("nonResourceAttributes", _message(*_texts("path", "verb"))),
        ),
    ),
)
_RULES_REVIEW = _message(_META, Field("spec", _message(Field("namespace", STRING))))

KINDS: Final[Mapping[str, Mapping[int, Field]]] = {
    "Secret": _SECRET,
    "ConfigMap": _CONFIG_MAP,
    "Namespace": _NAMESPACE,
    "Lease": _LEASE,
    "DeleteOptions": _DELETE_OPTIONS,
    "SelfSubjectReview": _message(_META),
    "SelfSubjectAccessReview": _ACCESS_REVIEW,
    "SelfSubjectRulesReview": _RULES_REVIEW,
}
"""The kinds that are read. What a client writes of others has to be JSON."""

_UNKNOWN = _message(Field("typeMeta", _message(*_texts("apiVersion", "kind"))), Field("raw", BINARY))


def decode(body: bytes) -> dict[str, Any]:
    """The object as JSON would carry it. Raises Malformed."""
    if not body.startswith(MAGIC):
        raise Malformed("it does not begin with `k8s`")
    envelope = _read(body[len(MAGIC) :], _UNKNOWN)
    kind = envelope.get("typeMeta", {}).get("kind", "")
    if kind not in KINDS:
        raise Malformed(f"{kind or 'an object without a kind'} is read as JSON only")
    raw = base64.b64decode(envelope.get("raw", ""))
    return {**envelope["typeMeta"], **_read(raw, KINDS[kind])}


def _read(data: bytes, fields: Mapping[int, Field]) -> dict[str, Any]:
    """A message; fields that are not known are left out."""
    found: dict[str, Any] = {}
    for number, value in _parts(data):
        field = fields.get(number)
        if field is None:
            continue
        if field.is_map:
            entry = _read(_bytes(value), {1: Field("key", STRING), 2: Field("value", field.of)})
            found.setdefault(field.name, {})[entry.get("key", "")] = entry.get("value", "")
        elif field.repeated:
            found.setdefault(field.name, []).append(_value(value, field.of))
        else:
            found[field.name] = _value(value, field.of)
    return found


def _value(value: int | bytes, of: str | Mapping[int, Field]) -> Any:
    if isinstance(of, Mapping):
        return _read(_bytes(value), of)
    if of in (INT, BOOL):
        number = _int(value)
        return bool(number) if of == BOOL else number - (number >> 63 << 64)
    if of in (TIME, MICRO_TIME):
        return _time(_read(_bytes(value), _message(Field("seconds", INT), Field("nanos", INT))), of)
    if of == BINARY:
        return base64.b64encode(_bytes(value)).decode()
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text is no UTF-8") from error


def _time(parts: Mapping[str, int], of: str) -> str | None:
    """None is the zero time, by which Go says that there is none."""
    if not parts:
        return None
    try:
        moment = datetime.fromtimestamp(parts.get("seconds", 0), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    fraction = f".{parts.get('nanos', 0) // 1000:06d}" if of == MICRO_TIME else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _parts(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == BYTES:
            size, at = _varint(data, at)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
        else:
            raise Malformed(f"there is no wire type {wire}")
        if at + size > len(data):
            raise Malformed("it ends too early")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise Malformed("it ends too early")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise Malformed("a number stands where bytes belong")
    return value


def _int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise Malformed("bytes stand where a number belongs")
    return value
