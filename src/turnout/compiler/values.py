"""Protobuf's wrapped values, from Python's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption, Metadata
from envoy.type.v3.percent_pb2 import FractionalPercent
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import UInt32Value

NAMESPACE = "turnout"
"""The metadata namespace that holds what Turnout tells Envoy of an endpoint, a cluster or a route."""


def duration(value: timedelta) -> Duration:
    """To the microsecond."""
    packed = Duration()
    packed.FromTimedelta(value)
    return packed


def seconds(value: float) -> Duration:
    return duration(timedelta(seconds=value))


def uint32(value: int) -> UInt32Value:
    return UInt32Value(value=value)


def packed(message: Message) -> Any:
    """A typed extension config."""
    wrapped = Any()
    wrapped.Pack(message, deterministic=True)
    return wrapped


def millionths(percent: float) -> FractionalPercent:
    """Percent to parts of a million, cut off as Istio does."""
    return FractionalPercent(numerator=int(percent * 10_000), denominator=FractionalPercent.MILLION)


def metadata(values: Mapping[str, str]) -> Metadata:
    """Metadata that access logs can name as `%…METADATA(turnout:key)%`."""
    found = Metadata()
    found.filter_metadata[NAMESPACE].update(values)
    return found


def option(name: str, value: str) -> HeaderValueOption:
    """A header with this value and no other. `value` may hold Envoy's variables."""
    overwrite = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    return HeaderValueOption(header=HeaderValue(key=name, value=value), append_action=overwrite)
