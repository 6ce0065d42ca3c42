"""The path and the address that a route makes of a request's: rewrites, and where redirects lead."""

from __future__ import annotations

import re
from collections.abc import Mapping

from envoy.config.route.v3.route_components_pb2 import Route, RouteMatch
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute

from turnout.simulator.capture import Places, found
from turnout.simulator.path import query, without_query

_REFERENCE = re.compile(r"\\([0-9\\])")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_STATUS = (301, 302, 303, 307, 308)
"""In the order of RedirectAction's codes."""


def path_sent(route: Route, path: str) -> str:
    """The path of a forwarded request. A prefix stands for itself, any other match for the whole path."""
    action = route.route
    if action.HasField("regex_rewrite"):
        return replaced(action.regex_rewrite, without_query(path)) + query(path)
    return _with_prefix(route.match, action.prefix_rewrite, path) if action.prefix_rewrite else path


def _with_prefix(match: RouteMatch, prefix: str, path: str) -> str:
    kind = match.WhichOneof("path_specifier")
    own = without_query(path)
    length = len(getattr(match, kind)) if kind in ("prefix", "path_separated_prefix") else len(own)
    return prefix + own[length:] + query(path)


def replaced(rewrite: RegexMatchAndSubstitute, text: str) -> str:
    """Every match, from the left. As RE2's GlobalReplace, nothing is put in where a match before has ended."""
    pattern, out, at, last = rewrite.pattern.regex, [], 0, -1
    while at <= len(text) and (places := found(pattern, text, at)):
        begin, end = places[:2]
        if begin == end == last:
            out.append(text[at : at + 1])
            at += 1
            continue
        out.append(text[at:begin] + _substituted(rewrite.substitution, text, places))
        at = last = end
    return "".join(out) + text[at:]


def _substituted(template: str, text: str, places: Places) -> str:
    """A group that has no part in the match is empty."""

    def group(number: int) -> str:
        begin, end = places[2 * number : 2 * number + 2]
        return text[begin:end] if begin >= 0 else ""

    return _REFERENCE.sub(lambda each: "\\" if each[1] == "\\" else group(int(each[1])), template)


def redirected(route: Route, headers: Mapping[str, str]) -> tuple[int, str]:
    """The status, and where to."""
    wanted, path = route.redirect, headers[":path"]
    if wanted.HasField("regex_rewrite"):
        path = replaced(wanted.regex_rewrite, without_query(path)) + query(path)
    elif wanted.prefix_rewrite:
        path = _with_prefix(route.match, wanted.prefix_rewrite, path)
    elif wanted.path_redirect:
        path = wanted.path_redirect + ("" if "?" in wanted.path_redirect else query(path))
    scheme = wanted.scheme_redirect or headers[":scheme"]
    port = f":{wanted.port_redirect}" if wanted.port_redirect else ""
    host = wanted.host_redirect or _own_host(headers, scheme, port)
    return _STATUS[wanted.response_code], f"{scheme}://{host}{port}{path}"


def to_https(headers: Mapping[str, str], port: int = 0) -> tuple[int, str]:
    """Where a virtual host sends what comes in plain text. Without a port the Host header stays, with its own."""
    host = f"{_own_host(headers, 'https', str(port))}:{port}" if port else headers[":authority"]
    return 301, f"https://{host}{headers[':path']}"


def _own_host(headers: Mapping[str, str], scheme: str, port: str) -> str:
    """The Host header, without a port that another one replaces, or that was the old scheme's own."""
    host, colon, number = headers[":authority"].rpartition(":")
    if not colon or (host.startswith("[") and not host.endswith("]")):
        return headers[":authority"]
    came_by = headers["x-forwarded-proto"]
    own = scheme != came_by and f":{number}" == _DEFAULT_PORTS.get(came_by)
    return host if port or own else headers[":authority"]
