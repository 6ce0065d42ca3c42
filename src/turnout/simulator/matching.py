"""Whether an Envoy route matches a request, and if not, why: in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, QueryParameterMatcher, RouteMatch
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from turnout.compiler.match_words import quoted
from turnout.simulator.automaton import matches
from turnout.simulator.path import query, without_query

_PSEUDO = {":method": "the method", ":authority": "the host", ":scheme": "the scheme", "host": "the host"}


def misses(match: RouteMatch, headers: Mapping[str, str]) -> list[str]:
    """Everything about a request that does not fit; empty: the route matches. `headers`: as `arrived` has them."""
    found = [_path_miss(match, without_query(headers[":path"]))]
    found += [_header_miss(each, headers) for each in match.headers]
    parameters = dict(_parameters(query(headers[":path"])))
    found += [_parameter_miss(each, parameters) for each in match.query_parameters]
    if match.HasField("grpc") and not headers.get("content-type", "").startswith("application/grpc"):
        found.append("it is no gRPC call")
    return [miss for miss in found if miss]


def _path_miss(match: RouteMatch, path: str) -> str | None:
    kind = match.WhichOneof("path_specifier")
    if kind == "safe_regex":
        wanted, fits = match.safe_regex.regex, matches(match.safe_regex.regex, path)
        return None if fits else _miss("the path", path, f"match the regex {quoted(wanted)}")
    wanted = getattr(match, kind) if kind else ""
    insensitive = match.HasField("case_sensitive") and not match.case_sensitive.value
    own, other = (path.lower(), wanted.lower()) if insensitive else (path, wanted)
    if kind == "path":
        return None if own == other else _miss("the path", path, f"be {quoted(wanted)}")
    if kind == "path_separated_prefix":
        fits = own == other or own.startswith(f"{other}/")
        return None if fits else _miss("the path", path, f"be {quoted(wanted)}, or begin with {quoted(wanted + '/')}")
    return None if own.startswith(other) else _miss("the path", path, f"begin with {quoted(wanted)}")


def _header_miss(match: HeaderMatcher, headers: Mapping[str, str]) -> str | None:
    name = ":authority" if match.name.lower() == "host" else match.name.lower()
    value = headers.get(name)
    what = _PSEUDO.get(name, f"the header {name}")
    if match.HasField("string_match"):
        seen = "" if value is None and match.treat_missing_header_as_empty else value
        if seen is None:  # what is absent without being taken for empty does not match, inverted or not
            return _miss(what, value, _wanted(match.string_match, inverted=match.invert_match))
        if is_string(match.string_match, seen) is not match.invert_match:
            return None
        return _miss(what, value, _wanted(match.string_match, inverted=match.invert_match))
    present = (value is not None) is (match.present_match is not match.invert_match)
    return None if present else f"{what} is {'absent' if value is None else 'present'}"


def _parameter_miss(match: QueryParameterMatcher, parameters: Mapping[str, str]) -> str | None:
    value = parameters.get(match.name)
    what = f"the query parameter {match.name}"
    if match.HasField("string_match"):
        fits = value is not None and is_string(match.string_match, value)
        return None if fits else _miss(what, value, _wanted(match.string_match, inverted=False))
    return None if value is not None else f"{what} is absent"


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    """As Envoy reads them: not decoded, and the first of a name counts."""
    for part in reversed(text.removeprefix("?").split("&")):
        name, _, value = part.partition("=")
        yield name, value


def is_string(match: StringMatcher, value: str) -> bool:
    """Whether a value is what a matcher asks for."""
    kind = match.WhichOneof("match_pattern")
    if kind == "safe_regex":
        return matches(match.safe_regex.regex, value)
    wanted: str = getattr(match, kind) if kind else ""
    if match.ignore_case:
        wanted, value = wanted.lower(), value.lower()
    if kind == "prefix":
        return value.startswith(wanted)
    if kind == "suffix":
        return value.endswith(wanted)
    return wanted in value if kind == "contains" else value == wanted


def _wanted(match: StringMatcher, *, inverted: bool) -> str:
    verbs = {"prefix": "begin with", "suffix": "end with", "contains": "contain", "safe_regex": "match the regex"}
    kind = match.WhichOneof("match_pattern") or "exact"
    wanted = match.safe_regex.regex if kind == "safe_regex" else getattr(match, kind)
    return f"{'not ' if inverted else ''}{verbs.get(kind, 'be')} {quoted(wanted)}"


def _miss(what: str, value: str | None, wanted: str) -> str:
    return f"{what} is {'absent' if value is None else quoted(value)}: it would have to {wanted}"
