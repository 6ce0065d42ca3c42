"""When a rule applies, in plain words: one sentence's condition for each match. What is compiled in `match.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from turnout.mesh import names
from turnout.resources.virtual_service import HTTPMatchRequest, StringMatch

EVERY = "every request"


def words(match: HTTPMatchRequest | None) -> str:
    """`the path begins with /api and the header x-user is ada`. Fields are ANDed; without any it is every request."""
    clauses = [] if match is None else [*_request(match), *_caller(match)]
    return listed(clauses, "and") if clauses else EVERY


def _request(match: HTTPMatchRequest) -> Iterator[str]:
    yield from _path(match.uri, ignore_case=match.ignore_uri_case)
    for what, value in (("method", match.method), ("host", match.authority), ("scheme", match.scheme)):
        if value is not None:
            yield f"the {what} {_is(value)}"
    yield from (f"the header {name} {_is(value)}" for name, value in sorted(match.headers.items()))
    yield from (f"the header {name} {_is_not(value)}" for name, value in sorted(match.without_headers.items()))
    yield from (f"the query parameter {name} {_is(value)}" for name, value in sorted(match.query_params.items()))


def _path(uri: StringMatch | None, *, ignore_case: bool) -> Iterator[str]:
    """Nothing where every path will do."""
    if uri is None or uri == StringMatch() or uri.prefix in ("", "/") or uri.regex == ".*":
        return
    yield f"the path {_is(uri)}{' (in upper or lower case)' if ignore_case else ''}"


def _caller(match: HTTPMatchRequest) -> Iterator[str]:
    """What is decided before traffic flows. As in Istio, `gateways` set means labels and namespace are ignored."""
    if match.port:
        yield f"it comes in on port {match.port}"
    if match.gateways:
        ways = ["from inside the mesh" if name == names.MESH else f"through gateway {name}" for name in match.gateways]
        yield f"it comes {listed(ways, 'or')}"
        return
    if match.source_labels:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(match.source_labels.items()))
        yield f"the caller is labelled {labels}"
    if match.source_namespace:
        yield f"the caller is in namespace {match.source_namespace}"


def _is(match: StringMatch) -> str:
    if match.exact is not None:
        return f"is {quoted(match.exact)}"
    if match.prefix is not None:
        return f"begins with {quoted(match.prefix)}"
    return "is present" if match.regex in (None, "*") else f"matches the regex {quoted(match.regex or '')}"


def _is_not(match: StringMatch) -> str:
    if match.exact is not None:
        return f"is not {quoted(match.exact)}"
    if match.prefix is not None:
        return f"does not begin with {quoted(match.prefix)}"
    return "is absent" if match.regex in (None, "*") else f"does not match the regex {quoted(match.regex or '')}"


def quoted(text: str) -> str:
    """As it is, when it reads as one word; else in quotes, with what cannot be printed escaped."""
    return text if text and text.isprintable() and not set(text) & set(' ,;"') else json.dumps(text, ensure_ascii=False)


def listed(parts: Sequence[str], conjunction: str) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *others, last = parts
    return f"{', '.join(others)} {conjunction} {last}" if others else last
