"""A VirtualService's match to an Envoy route match: fields are ANDed."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, QueryParameterMatcher, RouteMatch
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from turnout.resources.virtual_service import HTTPMatchRequest, StringMatch


def route_match(match: HTTPMatchRequest | None, *, by_segment: bool = False) -> RouteMatch:
    """No match, or an empty one, is prefix `/`. `by_segment`: a prefix ends where a segment of the path ends."""
    match = match or HTTPMatchRequest()
    built = _path(match.uri)
    if by_segment and built.prefix not in ("", "/"):
        built.path_separated_prefix = built.prefix
    if match.ignore_uri_case:
        built.case_sensitive.value = False
    pseudo = ((":method", match.method), (":authority", match.authority), (":scheme", match.scheme))
    built.headers.extend(header(name, value) for name, value in pseudo if value is not None)
    built.headers.extend(header(name, value) for name, value in sorted(match.headers.items()))
    built.headers.extend(_absent(name, value) for name, value in sorted(match.without_headers.items()))
    built.query_parameters.extend(_parameter(name, value) for name, value in sorted(match.query_params.items()))
    return built


def _path(uri: StringMatch | None) -> RouteMatch:
    if uri is None:
        return RouteMatch(prefix="/")
    if uri.exact is not None:
        return RouteMatch(path=uri.exact)
    if uri.regex is not None:
        return RouteMatch(safe_regex=RegexMatcher(regex=uri.regex))
    return RouteMatch(prefix=uri.prefix or "/")


def string(match: StringMatch) -> StringMatcher | None:
    """None: present, with any value (`{}`, or the regex `*`)."""
    if match.exact is not None:
        return StringMatcher(exact=match.exact)
    if match.prefix is not None:
        return StringMatcher(prefix=match.prefix)
    if match.regex is None or match.regex == "*":
        return None
    return StringMatcher(safe_regex=RegexMatcher(regex=match.regex))


def header(name: str, match: StringMatch) -> HeaderMatcher:
    matcher = string(match)
    if matcher is None:
        return HeaderMatcher(name=name, present_match=True)
    return HeaderMatcher(name=name, string_match=matcher)


def _absent(name: str, match: StringMatch) -> HeaderMatcher:
    built = header(name, match)
    built.invert_match = True
    built.treat_missing_header_as_empty = built.HasField("string_match")
    return built


def _parameter(name: str, match: StringMatch) -> QueryParameterMatcher:
    matcher = string(match)
    if matcher is None:
        return QueryParameterMatcher(name=name, present_match=True)
    return QueryParameterMatcher(name=name, string_match=matcher)
