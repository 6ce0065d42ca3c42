"""A split that is a function of a hash: each user, or all calls made for one user request, meet one version."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from envoy.config.route.v3.route_components_pb2 import RouteAction
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher

from turnout.resources.sticky import ANNOTATION, parsed
from turnout.resources.virtual_service import VirtualService

TOTAL = 1_000_000
"""Envoy takes the hash modulo the sum of all weights. As that never changes, a weight that grows keeps whom it has."""

_TRACE_ID = ("00-([0-9a-f]{32})-.*", r"\1")
"""Each call of a trace has another span's id."""
_REQUEST_ID = (r"(.{14})[49ab](.{3}-.{4}-.{12})", r"\1\2")
"""Envoy writes into a digit of the UUID whether the request is traced; behind the gateway it differs."""


def policies(owner: VirtualService | None) -> list[RouteAction.HashPolicy]:
    """Of a VirtualService that asks for it; without what is named, a request goes wherever chance sends it.

    The context of a trace comes before the id: an application that continues it need not know the other.
    """
    wanted = parsed(owner.metadata.annotations.get(ANNOTATION, "")) if owner else None
    match wanted.by if wanted else None:
        case "request":
            return [_header("traceparent", *_TRACE_ID), _header("x-b3-traceid"), _header("x-request-id", *_REQUEST_ID)]
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
