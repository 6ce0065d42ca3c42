"""The filters of Gateway API's routes: what goes together, and what each may say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from turnout.resources.checks.gateway_reference import check_backend, check_host_name
from turnout.resources.checks.header import check_value
from turnout.resources.checks.value import check_percent, check_port, check_printable
from turnout.resources.finding import Findings
from turnout.resources.gateway_api import (
    GRPCRouteFilter,
    HTTPCORSFilter,
    HTTPHeaderFilter,
    HTTPPathModifier,
    HTTPRequestMirrorFilter,
    HTTPRequestRedirectFilter,
    HTTPRouteFilter,
    HTTPURLRewriteFilter,
)
from turnout.resources.layout import Path
from turnout.resources.spelling import shown

REDIRECT_CODES = (301, 302, 303, 307, 308)
MOST_FILTERS = 16

_ATTRIBUTES: Mapping[str, tuple[str, str]] = {
    "RequestHeaderModifier": ("request_header_modifier", "requestHeaderModifier"),
    "ResponseHeaderModifier": ("response_header_modifier", "responseHeaderModifier"),
    "RequestMirror": ("request_mirror", "requestMirror"),
    "RequestRedirect": ("request_redirect", "requestRedirect"),
    "URLRewrite": ("url_rewrite", "urlRewrite"),
    "CORS": ("cors", "cors"),
    "ExtensionRef": ("extension_ref", "extensionRef"),
}
_REPEATABLE = ("RequestMirror", "ExtensionRef")


def check_filters(filters: Sequence[HTTPRouteFilter | GRPCRouteFilter], at: Path, findings: Findings) -> None:
    """Of a rule, or of one backend."""
    if len(filters) > MOST_FILTERS:
        findings.add("TNO172", at, f"{len(filters)} filters; Gateway API allows {MOST_FILTERS}")
    for number, each in enumerate(filters):
        _check_filter(each, (*at, number), findings)
    given = Counter(each.type for each in filters)
    for name, count in given.items():
        if count > 1 and name not in _REPEATABLE:
            findings.add(
                "TNO170", at, f"{name} is given {count} times; a rule may have one", "put both into one filter"
            )
    if given["RequestRedirect"] and given["URLRewrite"]:
        findings.add("TNO111", at, "a rule cannot have both RequestRedirect and URLRewrite")


def _check_filter(each: HTTPRouteFilter | GRPCRouteFilter, at: Path, findings: Findings) -> None:
    for name, (attribute, field) in _ATTRIBUTES.items():
        value = getattr(each, attribute, None)
        if name == each.type and value is None:
            findings.add("TNO170", at, f"the filter is a {name}, but `{field}` is missing")
        elif name != each.type and value is not None:
            hint = f"set `type: {name}`, or remove it"
            findings.add("TNO170", (*at, field), f"`{field}` is given, but the filter is a {each.type}", hint)
        elif value is not None:
            _check_one(value, (*at, field), findings)
    if each.type == "ExtensionRef":
        message = "no extension is known here: what would pass this filter is answered with 500"
        findings.add("TNO173", at, message, "filters of other controllers cannot be carried out")


def _check_one(value: object, at: Path, findings: Findings) -> None:
    match value:
        case HTTPHeaderFilter():
            _check_headers(value, at, findings)
        case HTTPRequestMirrorFilter():
            _check_mirror(value, at, findings)
        case HTTPRequestRedirectFilter():
            _check_redirect(value, at, findings)
        case HTTPURLRewriteFilter():
            check_host_name(value.hostname, (*at, "hostname"), findings)
            _check_path(value.path, "TNO120", (*at, "path"), findings)
        case HTTPCORSFilter():
            _check_cors(value, at, findings)


def _check_cors(cors: HTTPCORSFilter, at: Path, findings: Findings) -> None:
    for field, texts in (
        ("allowOrigins", cors.allow_origins),
        ("allowMethods", cors.allow_methods),
        ("allowHeaders", cors.allow_headers),
        ("exposeHeaders", cors.expose_headers),
    ):
        for number, text in enumerate(texts):
            if not text or not text.isprintable():
                findings.add("TNO124", (*at, field, number), f"{shown(text)} cannot be sent")
    if not 1 <= cors.max_age < 2**31:
        findings.add("TNO106", (*at, "maxAge"), f"maxAge {cors.max_age} is no number of seconds above 0")


def _check_headers(headers: HTTPHeaderFilter, at: Path, findings: Findings) -> None:
    for verb, changes in (("set", headers.set), ("add", headers.add)):
        for number, header in enumerate(changes):
            _check_changed(header.name, (*at, verb, number, "name"), findings)
            check_value(header.value, (*at, verb, number, "value"), findings)
    for number, name in enumerate(headers.remove):
        _check_changed(name, (*at, "remove", number), findings)


def _check_changed(name: str, at: Path, findings: Findings) -> None:
    if not name or not _is_token(name):
        findings.add("TNO116", at, f"{shown(name)} is no header name")


def _is_token(name: str) -> bool:
    """RFC 7230: which Envoy and Gateway API both ask for."""
    return name.isascii() and all(char.isalnum() or char in "!#$%&'*+-.^_`|~" for char in name)


def _check_mirror(mirror: HTTPRequestMirrorFilter, at: Path, findings: Findings) -> None:
    check_backend(mirror.backend_ref, (*at, "backendRef"), findings)
    if mirror.percent is not None:
        check_percent(mirror.percent, (*at, "percent"), findings)
    part = mirror.fraction
    if part is not None and not (part.denominator >= 1 and 0 <= part.numerator <= part.denominator):
        message = f"{part.numerator} of {part.denominator} is no part of a whole"
        findings.add("TNO107", (*at, "fraction"), message)


def _check_redirect(redirect: HTTPRequestRedirectFilter, at: Path, findings: Findings) -> None:
    if redirect.status_code not in REDIRECT_CODES:
        listed = ", ".join(map(str, REDIRECT_CODES))
        findings.add("TNO119", (*at, "statusCode"), f"{redirect.status_code} is no redirect code", f"use {listed}")
    check_host_name(redirect.hostname, (*at, "hostname"), findings)
    if redirect.port is not None:
        check_port(redirect.port, (*at, "port"), findings)
    _check_path(redirect.path, "TNO119", (*at, "path"), findings)


def _check_path(path: HTTPPathModifier | None, code: str, at: Path, findings: Findings) -> None:
    if path is None:
        return
    full, prefix = ("replaceFullPath", path.replace_full_path), ("replacePrefixMatch", path.replace_prefix_match)
    wanted, other = (full, prefix) if path.type == "ReplaceFullPath" else (prefix, full)
    if wanted[1] is None:
        findings.add(code, at, f"the type is {path.type}, but `{wanted[0]}` is missing")
    else:
        check_printable(wanted[1], code, (*at, wanted[0]), findings)
    if other[1] is not None:
        findings.add(code, (*at, other[0]), f"`{other[0]}` is given, but the type is {path.type}")


def replaces_prefix(filters: Sequence[HTTPRouteFilter]) -> bool:
    """Whether a filter needs to know which prefix was matched."""
    paths = [f.url_rewrite.path for f in filters if f.url_rewrite]
    paths += [f.request_redirect.path for f in filters if f.request_redirect]
    return any(path is not None and path.type == "ReplacePrefixMatch" for path in paths)
