"""Header operations as Envoy carries them out: removed, then overwritten, then appended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

from envoy.config.core.v3.base_pb2 import HeaderValueOption

_VARIABLE = re.compile(r"%(?:%|(?P<name>[A-Z_0-9]+)(?:\((?P<argument>[^)]*)\))?(?::(?P<length>\d+))?%)")
_OF_A_HEADER = ("REQ", "REQUEST_HEADER")


class Adjusting(Protocol):
    """A Route or a WeightedCluster.ClusterWeight, as far as requests go."""

    @property
    def request_headers_to_add(self) -> Iterable[HeaderValueOption]: ...
    @property
    def request_headers_to_remove(self) -> Iterable[str]: ...


def sent_on(headers: Mapping[str, str], operations: Iterable[Adjusting]) -> dict[str, str]:
    """The headers after the operations of each, in order: a destination's come before its route's."""
    found = dict(headers)
    for each in operations:
        found = adjusted(found, each.request_headers_to_remove, each.request_headers_to_add)
    return found


def adjusted(
    headers: Mapping[str, str], removed: Iterable[str], options: Iterable[HeaderValueOption]
) -> dict[str, str]:
    """What comes to nothing, as `%REQ(absent)%` does, is not added."""
    gone = {name.lower() for name in removed}
    found = {name: value for name, value in headers.items() if name not in gone}
    values = [(each.header.key.lower(), formatted(each.header.value, found), each.append_action) for each in options]
    given = [(name, value, action) for name, value, action in values if value]
    found |= {name: value for name, value, action in given if action == HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD}
    for name, value, action in given:
        if action == HeaderValueOption.APPEND_IF_EXISTS_OR_ADD:
            found[name] = f"{found[name]},{value}" if name in found else value
    return found


def formatted(value: str, headers: Mapping[str, str]) -> str:
    """With the request's own headers put in. What only the moment can tell stays a variable."""

    def put_in(found: re.Match[str]) -> str:
        if found["name"] is None:
            return "%"
        if found["name"] not in _OF_A_HEADER or not found["argument"]:
            return found[0]
        names = [name.strip().lower() for name in found["argument"].split("?")]
        text = next((headers[name] for name in names if name in headers), "")
        return text[: int(found["length"])] if found["length"] else text

    return _VARIABLE.sub(put_in, value)
