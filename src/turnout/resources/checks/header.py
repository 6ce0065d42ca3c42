"""HTTP header names and values, where they are matched and where they are changed."""

from __future__ import annotations

import re

from turnout.resources.finding import Findings
from turnout.resources.layout import Path
from turnout.resources.spelling import shown
from turnout.resources.virtual_service import HeaderOperations, Headers, HTTPRewrite

_NAME = re.compile(r"[-_A-Za-z0-9]+")
_CLAIM = re.compile(r"@request\.auth\.claims(\..+|(\[[^\[\]]+\])+)", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
# Envoy's %VARIABLE% and %VARIABLE(argument)%; `%%` is a percent sign. No part can match in two ways, so that no value
# takes long; and no quantifier is possessive: those go wrong in Python before 3.11.5.
_PLAIN_ARGUMENT = r" *[^ \[)](?:[^\")\\]|\\.)*"
_LIST_ARGUMENT = r" *\[(?: *\"(?:[^\")\\]|\\.)*\" *,)* *\"(?:[^\")\\]|\\.)*\" *\] *"
_PART = re.compile(rf"[^%]+|%%|%[^%(]*(?:\((?:{_LIST_ARGUMENT}|{_PLAIN_ARGUMENT})\) *)?%", re.DOTALL)


def check_matched_header(name: str, at: Path, findings: Findings) -> None:
    """The name of a header to match, or `@request.auth.claims.…`, which stands for a claim of the caller's token."""
    if not name:
        findings.add("TNO116", at, "the header name is empty")
    elif not is_claim(name) and not _NAME.fullmatch(name):
        findings.add("TNO116", at, f"{shown(name)} is no header name")


def is_claim(name: str) -> bool:
    return _CLAIM.fullmatch(name) is not None


def check_cors_header(name: str, at: Path, findings: Findings) -> None:
    if name != "*":
        check_header_name(name, at, findings)


def check_header_name(name: str, at: Path, findings: Findings) -> None:
    if not _NAME.fullmatch(name):
        findings.add("TNO116", at, f"{shown(name)} is no header name" if name else "the header name is empty")


def check_headers(headers: Headers | None, at: Path, findings: Findings) -> None:
    """Header operations of a route or of one destination."""
    if headers is None:
        return
    _check_operations(headers.request, (*at, "request"), findings, is_request=True)
    _check_operations(headers.response, (*at, "response"), findings, is_request=False)


def _check_operations(operations: HeaderOperations | None, at: Path, findings: Findings, *, is_request: bool) -> None:
    if operations is None:
        return
    for verb, changes in (("set", operations.set), ("add", operations.add)):
        for name, value in changes.items():
            if not (is_request and _is_authority(name)):
                _check_changed(name, (*at, verb, name), findings)
            check_value(value, (*at, verb, name), findings)
    for number, name in enumerate(operations.remove):
        _check_changed(name, (*at, "remove", number), findings)


def _check_changed(name: str, at: Path, findings: Findings) -> None:
    if not name:
        findings.add("TNO116", at, "the header name is empty")
    elif name.lower() == "host":
        findings.add("TNO116", at, "the Host header cannot be changed here", "set it under headers.request.set")
    elif name.startswith(":"):
        findings.add("TNO116", at, f"{shown(name)}: a header whose name starts with `:` cannot be changed")


def check_value(value: str, at: Path, findings: Findings) -> None:
    """A header's value, with Envoy's variables in it."""
    if _CONTROL.search(value):
        findings.add("TNO117", at, "a header value cannot contain control characters")
    elif not _is_of_parts(value):
        findings.add(
            "TNO117", at, f"{shown(value)}: `%` starts one of Envoy's variables", "write %% for a percent sign"
        )


def _is_of_parts(value: str) -> bool:
    """Text, percent signs and variables, and nothing between them."""
    at = 0
    while at < len(value):
        part = _PART.match(value, at)
        if part is None:
            return False
        at = part.end()
    return True


def check_authority(rewrite: HTTPRewrite | None, headers: Headers | None, at: Path, findings: Findings) -> None:
    """The Host of the forwarded request can be set in one place only."""
    request = headers.request if headers else None
    places: list[Path] = [(*at, "rewrite", "authority")] if rewrite and rewrite.authority else []
    for verb, changes in (("set", request.set if request else {}), ("add", request.add if request else {})):
        places += [(*at, "headers", "request", verb, name) for name in changes if _is_authority(name)]
    for place in places[1:]:
        findings.add("TNO118", place, "the authority is set twice on this route", "keep one of the two")


def _is_authority(name: str) -> bool:
    return name.lower() in ("host", ":authority")
