"""Matches of HTTPRoutes and GRPCRoutes to those of VirtualServices, and which of several comes first."""

from __future__ import annotations

from collections.abc import Iterable

from turnout.resources.gateway_api import (
    GRPCMethodMatch,
    GRPCRouteMatch,
    HTTPHeaderMatch,
    HTTPPathMatch,
    HTTPRouteMatch,
)
from turnout.resources.virtual_service import HTTPMatchRequest, StringMatch


def http_match(match: HTTPRouteMatch) -> HTTPMatchRequest:
    return HTTPMatchRequest(
        uri=_path(match.path),
        method=StringMatch(exact=match.method) if match.method else None,
        headers={name.lower(): value for name, value in _first_of_each(match.headers, fold=True).items()},
        query_params=_first_of_each(match.query_params, fold=False),
    )


def grpc_match(match: GRPCRouteMatch) -> HTTPMatchRequest:
    """A gRPC call is a request to `/<service>/<method>`."""
    uri = _method(match.method) if match.method else None
    return HTTPMatchRequest(uri=uri, headers=_first_of_each(match.headers, fold=True))


def _path(path: HTTPPathMatch) -> StringMatch:
    if path.type == "Exact":
        return StringMatch(exact=path.value)
    if path.type == "RegularExpression":
        return StringMatch(regex=path.value)
    return StringMatch(prefix=path.value.removesuffix("/") or "/")


def _first_of_each(matches: Iterable[HTTPHeaderMatch], *, fold: bool) -> dict[str, StringMatch]:
    """Of a name that is given twice the first counts. `fold`: names of headers have no case."""
    found: dict[str, StringMatch] = {}
    for match in matches:
        name = match.name.lower() if fold else match.name
        value = StringMatch(regex=match.value) if match.type == "RegularExpression" else StringMatch(exact=match.value)
        found.setdefault(name, value)
    return found


def _method(wanted: GRPCMethodMatch) -> StringMatch:
    service, method = wanted.service, wanted.method
    if wanted.type == "RegularExpression":
        return StringMatch(regex=f"/{_whole(service or '[^/]+')}/{_whole(method or '.+')}")
    if service is None:
        return StringMatch(regex=f"/[^/]+/{method}")
    return StringMatch(prefix=f"/{service}") if method is None else StringMatch(exact=f"/{service}/{method}")


def _whole(expression: str) -> str:
    """What stands on both sides of a `|` belongs together."""
    return f"(?:{expression})" if "|" in expression else expression


def precedence(match: HTTPMatchRequest | None) -> tuple[int, int, bool, int, int]:
    """Sorts matches as Gateway API has them tried.

    Exact paths, the longest prefix, regular expressions; then a method, the most headers, the most query parameters.
    Of what is equal the older route's counts, then by its name, then the first.
    """
    if match is None:
        return (1, 0, True, 0, 0)
    rank, length = _rank(match.uri)
    return (-rank, -length, match.method is None, -len(match.headers), -len(match.query_params))


def _rank(uri: StringMatch | None) -> tuple[int, int]:
    if uri is None:
        return (-1, 0)
    ranked = ((3, uri.exact), (2, uri.prefix), (1, uri.regex))
    return next(((rank, len(text)) for rank, text in ranked if text is not None), (-1, 0))
