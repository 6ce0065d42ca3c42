"""Protobuf messages that are described here, by hand: of a few fields, and in a pool of their own.

Zipkin's are in no package. OTLP's are in two, which overwrite each other's files, and have other names in each: what is
imported depends on which was installed last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_Field = FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "bool": _Field.TYPE_BOOL,
    "int64": _Field.TYPE_INT64,
    "uint64": _Field.TYPE_UINT64,
    "fixed64": _Field.TYPE_FIXED64,
}

Described = Mapping[str, Mapping[str, tuple[int, str]]]
"""Message to field to its number and type: a scalar (an enum is an `int64`) or a message; `[]` if it is repeated."""


def messages(described: Described) -> dict[str, Any]:
    """The classes, by name."""
    file = FileDescriptorProto(name="described.proto", package="described", syntax="proto3")
    for name, fields in described.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            message.field.append(_field(field, number, kind.removesuffix("[]"), repeated=kind.endswith("[]")))
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"described.{name}")) for name in described}


def _field(name: str, number: int, kind: str, *, repeated: bool) -> FieldDescriptorProto:
    label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    if kind in _SCALARS:
        return FieldDescriptorProto(name=name, number=number, label=label, type=_SCALARS[kind])
    type_name = f".described.{kind}"
    return FieldDescriptorProto(name=name, number=number, label=label, type=_Field.TYPE_MESSAGE, type_name=type_name)
