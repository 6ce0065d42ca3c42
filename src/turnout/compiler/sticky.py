"""A split that is a function of a hash: each user, or all calls made for one user request, meet one version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from envoy.config.route.v3.route_components_pb2 import RouteAction
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher

from turnout.resources.sticky import ANNOTATION, parsed
from turnout.resources.virtual_service import VirtualService

TOTAL = 1_000_000
"""Envoy takes the hash modulo the sum of all weights. As that never changes, a weight that grows keeps whom it has."""

REQUEST_HEADERS: Mapping[str, tuple[str, ...]] = {
    "traceparent": ("00-([0-9a-f]{32})-.*", r"\1"),  # each call of a trace has another span's id
    "x-b3-traceid": (),
    # Envoy writes into a digit of the UUID whether the request is traced; behind the gateway it differs.
    "x-request-id": (r"(.{14})[49ab](.{3}-.{4}-.{12})", r"\1\2"),
}
"""What tells which user request a call is made for, the first that is there, and what of it: a regex and its rewrite.

The context of a trace comes before the id: an application that continues it need not know the other.
"""


def policies(owner: VirtualService | None) -> list[RouteAction.HashPolicy]:
    """Of a VirtualService that asks for it; without what is named, a request goes wherever chance sends it."""
    wanted = parsed(owner.metadata.annotations.get(ANNOTATION, "")) if owner else None
    match wanted.by if wanted else None:
        case "request":
            return [_header(name, *rewrite) for name, rewrite in REQUEST_HEADERS.items()]
        case "header" if wanted:
            return [_header(wanted.name)]
        case "cookie" if wanted:
            return [RouteAction.HashPolicy(cookie=RouteAction.HashPolicy.Cookie(name=wanted.name), terminal=True)]
        case _:
            return []


def _header(name: str, regex: str = "", substitution: str = "") -> RouteAction.HashPolicy:
    built = RouteAction.HashPolicy(header=RouteAction.HashPolicy.Header(header_name=name), terminal=True)
    if regex:
        built.header.regex_rewrite.pattern.CopyFrom(RegexMatcher(regex=regex))
        built.header.regex_rewrite.substitution = substitution
    return built


def scaled(weights: Sequence[int]) -> list[int]:
    """In proportion, TOTAL together: a border between two destinations lies where it lay, as far as it did not move."""
    borders = [0]
    for weight in weights:
        borders.append(borders[-1] + weight)
    placed = [border * TOTAL // borders[-1] for border in borders]
    return [after - before for before, after in pairwise(placed)]
