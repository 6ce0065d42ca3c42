"""Header operations: remove, then set, then add, keys sorted; Host is rewritten, not set."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Protocol

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption

from turnout.resources.header_variable import variable_fault
from turnout.resources.virtual_service import HeaderOperations, Headers

_HOST = ("host", ":authority")
_ADDRESSES = {
    "%UPSTREAM_HOST_NAME%": "%UPSTREAM_HOST%",
    "%UPSTREAM_HOST_NAME_WITHOUT_PORT%": "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%UPSTREAM_HOST_NAMES_ATTEMPTED%": "%UPSTREAM_HOSTS_ATTEMPTED%",
    "%UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT%": "%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%",
}
"""Pods have no host names: asked for one, Envoy says the address. Ours have labels there (`endpoint.SERIES`)."""


def _is_internal(name: str) -> bool:
    """Host and the pseudo headers are Envoy's own: an operation on them would be refused, or do harm."""
    return name.startswith(":") or name.lower() == "host"


class Adjustable(Protocol):
    """A Route or a WeightedCluster.ClusterWeight: both carry the same four lists."""

    @property
    def request_headers_to_add(self) -> MutableSequence[HeaderValueOption]: ...
    @property
    def request_headers_to_remove(self) -> MutableSequence[str]: ...
    @property
    def response_headers_to_add(self) -> MutableSequence[HeaderValueOption]: ...
    @property
    def response_headers_to_remove(self) -> MutableSequence[str]: ...


def adjust(where: Adjustable, headers: Headers | None) -> None:
    """Appends a route's or a destination's operations to what is there already."""
    if headers is None:
        return
    request, response = headers.request or HeaderOperations(), headers.response or HeaderOperations()
    where.request_headers_to_remove.extend(_removed(request))
    where.request_headers_to_add.extend(options(request))
    where.response_headers_to_remove.extend(_removed(response))
    where.response_headers_to_add.extend(options(response))


def options(operations: HeaderOperations) -> list[HeaderValueOption]:
    """What Envoy would refuse the route table for is left out; the mesh's findings say so."""
    overwrite = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    append = HeaderValueOption.APPEND_IF_EXISTS_OR_ADD
    wanted = [(name, value, overwrite) for name, value in sorted(operations.set.items())]
    wanted += [(name, value, append) for name, value in sorted(operations.add.items())]
    return [
        HeaderValueOption(header=HeaderValue(key=name, value=_with_addresses(value)), append_action=action)
        for name, value, action in wanted
        if not _is_internal(name) and variable_fault(value) is None
    ]


def _with_addresses(value: str) -> str:
    for name, address in _ADDRESSES.items():
        value = value.replace(name, address)
    return value


def _removed(operations: HeaderOperations) -> list[str]:
    return sorted(name for name in operations.remove if not _is_internal(name))


def authority(headers: Headers | None) -> str | None:
    """The Host that the operations ask for."""
    request = headers.request if headers and headers.request else HeaderOperations()
    for operations in (request.set, request.add):
        for name, value in operations.items():
            if name.lower() in _HOST:
                return value
    return None
