"""HTTP routes of a VirtualService."""

from __future__ import annotations

from datetime import timedelta

from turnout.resources.checks.destination import check_destinations, check_mirrors
from turnout.resources.checks.fault import check_fault, check_status
from turnout.resources.checks.header import (
    check_authority,
    check_cors_header,
    check_headers,
    check_matched_header,
    is_claim,
)
from turnout.resources.checks.metadata import check_labels
from turnout.resources.checks.value import (
    check_duration,
    check_gateway_names,
    check_port,
    check_printable,
    check_regex,
    check_string_match,
)
from turnout.resources.finding import Findings
from turnout.resources.layout import Path
from turnout.resources.name import is_host_label
from turnout.resources.spelling import closest, shown
from turnout.resources.virtual_service import (
    CorsPolicy,
    HTTPDirectResponse,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRoute,
)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE")
REDIRECT_CODES = (301, 302, 303, 307, 308)  # what Envoy can send; Istio accepts every 3xx, and Envoy then refuses it
RETRY_CONDITIONS = (
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
LARGEST_BODY = 1024 * 1024
LARGE_BODY = 100 * 1024

_STATUS_RANGES = (
    *((100, 103), (200, 208), (226, 226), (300, 305), (307, 308), (400, 418), (421, 426)),
    *((428, 429), (431, 431), (451, 451), (500, 508), (510, 511)),
)
STATUS_CODES = frozenset(code for low, high in _STATUS_RANGES for code in range(low, high + 1))


def check_http_route(route: HTTPRoute, at: Path, findings: Findings, *, is_delegate: bool, is_mesh: bool) -> None:
    """`is_delegate`: the VirtualService has no hosts; `is_mesh`: it serves callers inside the mesh."""
    _check_actions(route, at, findings, is_delegate=is_delegate)
    for number, match in enumerate(route.match):
        _check_match(match, (*at, "match", number), findings, is_mesh=is_mesh)
    check_destinations(route.route, (*at, "route"), findings)
    check_mirrors(route, at, findings)
    check_headers(route.headers, (*at, "headers"), findings)
    check_authority(route.rewrite, route.headers, at, findings)
    check_duration(route.timeout, (*at, "timeout"), findings)
    if route.redirect is not None:
        _check_redirect(route.redirect, route, (*at, "redirect"), findings)
    if route.direct_response is not None:
        _check_direct_response(route.direct_response, (*at, "directResponse"), findings)
    if route.rewrite is not None:
        _check_rewrite(route.rewrite, (*at, "rewrite"), findings)
    if route.retries is not None:
        _check_retries(route.retries, (*at, "retries"), findings)
    if route.fault is not None:
        check_fault(route.fault, (*at, "fault"), findings)
    if route.cors_policy is not None:
        _check_cors(route.cors_policy, (*at, "corsPolicy"), findings)


def _check_actions(route: HTTPRoute, at: Path, findings: Findings, *, is_delegate: bool) -> None:
    """A route does exactly one thing: it forwards, redirects, answers itself, or delegates."""
    if route.delegate is not None:
        _check_delegate(route, at, findings, is_delegate=is_delegate)
        if not is_delegate:
            return
    answers = [
        name for name, value in (("redirect", route.redirect), ("directResponse", route.direct_response)) if value
    ]
    for answer in answers:
        for name, value in (("route", route.route), ("fault", route.fault), ("rewrite", route.rewrite)):
            if value:
                findings.add("TNO111", (*at, answer), f"a route cannot have both `{name}` and `{answer}`")
    if len(answers) > 1:
        findings.add("TNO111", (*at, "directResponse"), "a route cannot have both `redirect` and `directResponse`")
    if not answers and not route.route:
        findings.add("TNO110", at, "the route leads nowhere: route, redirect or directResponse is required")
    if route.mirror is not None and route.mirrors:
        findings.add("TNO111", (*at, "mirrors"), "a route cannot have both `mirror` and `mirrors`")


def _check_delegate(route: HTTPRoute, at: Path, findings: Findings, *, is_delegate: bool) -> None:
    if is_delegate:
        findings.add(
            "TNO125", (*at, "delegate"), "a VirtualService without hosts is a delegate, and cannot delegate again"
        )
        return
    for name, value in (
        ("route", route.route),
        ("redirect", route.redirect),
        ("directResponse", route.direct_response),
    ):
        if value:
            findings.add("TNO125", (*at, name), f"a route that delegates cannot have `{name}` itself")


def _check_match(match: HTTPMatchRequest, at: Path, findings: Findings, *, is_mesh: bool) -> None:
    for field, headers in (("headers", match.headers), ("withoutHeaders", match.without_headers)):
        for name, value in headers.items():
            here: Path = (*at, field, name)
            check_matched_header(name, here, findings)
            if is_mesh and is_claim(name):
                findings.add("TNO115", here, "claims of a token can be matched at a gateway only")
            if not (field == "withoutHeaders" and value.regex == "*"):  # Istio's way to say: the header is absent
                check_string_match(value, here, findings)
    check_string_match(match.uri, (*at, "uri"), findings, may_be_empty=True)
    for field, pseudo in (("scheme", match.scheme), ("method", match.method), ("authority", match.authority)):
        check_string_match(pseudo, (*at, field), findings)
    for name, value in match.query_params.items():
        if not name:
            findings.add("TNO115", (*at, "queryParams"), "the name of a query parameter is empty")
        check_string_match(value, (*at, "queryParams", name), findings)
    if match.port != 0:
        check_port(match.port, (*at, "port"), findings)
    check_labels(match.source_labels, (*at, "sourceLabels"), findings)
    check_gateway_names(match.gateways, (*at, "gateways"), findings)
    if match.source_namespace and not is_host_label(match.source_namespace):
        findings.add("TNO101", (*at, "sourceNamespace"), f"{shown(match.source_namespace)} is no namespace")


def _check_redirect(redirect: HTTPRedirect, route: HTTPRoute, at: Path, findings: Findings) -> None:
    given = (redirect.uri, redirect.prefix_rewrite, redirect.authority, redirect.scheme, redirect.derive_port)
    if not any(given) and redirect.port is None:
        findings.add("TNO119", at, "the redirect changes nothing", "set uri, prefixRewrite, authority, port or scheme")
    if redirect.uri and redirect.prefix_rewrite:
        findings.add("TNO119", (*at, "prefixRewrite"), "a redirect cannot have both `uri` and `prefixRewrite`")
    if redirect.redirect_code and redirect.redirect_code not in REDIRECT_CODES:
        listed = ", ".join(map(str, REDIRECT_CODES))
        findings.add("TNO119", (*at, "redirectCode"), f"{redirect.redirect_code} is no redirect code", f"use {listed}")
    if redirect.scheme not in ("", "http", "https"):
        findings.add("TNO119", (*at, "scheme"), f"{shown(redirect.scheme)} is neither http nor https")
    for field, text in (
        ("uri", redirect.uri),
        ("prefixRewrite", redirect.prefix_rewrite),
        ("authority", redirect.authority),
    ):
        check_printable(text, "TNO119", (*at, field), findings)
    if redirect.port:
        check_port(redirect.port, (*at, "port"), findings)
    if redirect.prefix_rewrite and any(match.uri and match.uri.prefix is None for match in route.match):
        hint = "match `uri: {prefix: …}`, or redirect with `uri`"
        findings.add("TNO119", (*at, "prefixRewrite"), "prefixRewrite needs a match on a prefix", hint)


def _check_direct_response(response: HTTPDirectResponse, at: Path, findings: Findings) -> None:
    check_status(response.status, (*at, "status"), findings)
    body = response.body
    if body is None:
        return
    size = len((body.string or "").encode(errors="replace")) + len(body.bytes or "") * 3 // 4
    if size > LARGEST_BODY:
        findings.add("TNO132", (*at, "body"), f"the body has {size:,} bytes; at most 1 MB is allowed")
    elif size > LARGE_BODY:
        findings.add("TNO133", (*at, "body"), f"the body has {size:,} bytes, which every configuration change carries")


def _check_rewrite(rewrite: HTTPRewrite, at: Path, findings: Findings) -> None:
    regex = rewrite.uri_regex_rewrite
    if rewrite.uri and regex is not None:
        findings.add("TNO120", (*at, "uriRegexRewrite"), "a rewrite cannot have both `uri` and `uriRegexRewrite`")
    if not rewrite.uri and not rewrite.authority and regex is None:
        findings.add("TNO120", at, "the rewrite changes nothing", "set uri, uriRegexRewrite or authority")
    check_printable(rewrite.uri, "TNO120", (*at, "uri"), findings)
    check_printable(rewrite.authority, "TNO120", (*at, "authority"), findings)
    if regex is None:
        return
    if not regex.match or not regex.rewrite:
        findings.add("TNO120", (*at, "uriRegexRewrite"), "uriRegexRewrite needs both `match` and `rewrite`")
    else:
        check_regex(regex.match, (*at, "uriRegexRewrite", "match"), findings)


def _check_retries(retries: HTTPRetry, at: Path, findings: Findings) -> None:
    if retries.attempts < 0:
        findings.add("TNO122", (*at, "attempts"), f"attempts {retries.attempts} < 0")
    has_policy = retries.per_try_timeout is not None or retries.retry_on or retries.retry_remote_localities is not None
    if retries.attempts == 0 and has_policy:
        hint = "set attempts above 0, or leave only `attempts: 0`"
        findings.add("TNO122", at, "a retry policy is given, but attempts is 0: retries are off", hint)
    check_duration(retries.per_try_timeout, (*at, "perTryTimeout"), findings)
    check_duration(retries.backoff, (*at, "backoff"), findings)
    for condition in retries.retry_on.split(",") if retries.retry_on else ():
        if condition not in RETRY_CONDITIONS and not _is_status(condition):
            _report_condition(condition, (*at, "retryOn"), findings)


def _is_status(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 10 and int(text) in STATUS_CODES


def _report_condition(condition: str, at: Path, findings: Findings) -> None:
    near = closest(condition.strip(), RETRY_CONDITIONS)
    hint = "separate the conditions by commas, without spaces" if condition != condition.strip() else None
    hint = hint or (f"did you mean {near}?" if near else None)
    findings.add("TNO122", at, f"{shown(condition)} is no condition for a retry", hint)


def _check_cors(policy: CorsPolicy, at: Path, findings: Findings) -> None:
    for number, origin in enumerate(policy.allow_origins):
        here: Path = (*at, "allowOrigins", number)
        if not (origin.exact or origin.prefix or origin.regex):
            findings.add("TNO124", here, "the origin is empty", "set exact, prefix or regex")
        else:
            check_string_match(origin, here, findings)
    for number, method in enumerate(policy.allow_methods):
        if method not in METHODS:
            near = closest(method, METHODS)
            hint = f"did you mean {near}?" if near else None
            findings.add("TNO124", (*at, "allowMethods", number), f"{shown(method)} is no HTTP method", hint)
    for field, names in (("allowHeaders", policy.allow_headers), ("exposeHeaders", policy.expose_headers)):
        for number, name in enumerate(names):
            check_cors_header(name, (*at, field, number), findings)
    check_duration(policy.max_age, (*at, "maxAge"), findings)
    if policy.max_age is not None and policy.max_age % timedelta(seconds=1):
        findings.add("TNO106", (*at, "maxAge"), "maxAge is precise to seconds")
