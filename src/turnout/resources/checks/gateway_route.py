"""HTTPRoute and GRPCRoute, as the schema of Gateway API has them: its patterns, bounds and CEL rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from turnout.resources import duration
from turnout.resources.checks.gateway_reference import check_backends, check_hostnames, check_parents
from turnout.resources.checks.route_filter import check_filters, replaces_prefix
from turnout.resources.checks.sticky import check_sticky
from turnout.resources.checks.value import check_regex, check_unique
from turnout.resources.finding import Findings
from turnout.resources.gateway_api import (
    GRPCMethodMatch,
    GRPCRoute,
    GRPCRouteRule,
    HTTPHeaderMatch,
    HTTPPathMatch,
    HTTPRoute,
    HTTPRouteRetry,
    HTTPRouteRule,
    HTTPRouteTimeouts,
    SessionPersistence,
)
from turnout.resources.layout import Path
from turnout.resources.spelling import shown

MOST_RULES, MOST_MATCHES, MOST_MATCHES_IN_ALL = 16, 64, 128
MOST_ATTEMPTS = 2**31 - 1

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}")
_PATH = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")
_NOT_IN_A_PATH = ("//", "/./", "/../", "%2f", "%2F", "#")
_NOT_AT_ITS_END = ("/..", "/.")
_DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")
_SERVICE = re.compile(r"\.?[a-zA-Z_][a-zA-Z_0-9]*(\.[a-zA-Z_][a-zA-Z_0-9]*)*")
_METHOD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


def check_gateway_http_route(resource: HTTPRoute, findings: Findings) -> None:
    spec = resource.spec
    check_parents(spec.parent_refs, findings)
    check_hostnames(spec.hostnames, findings)
    check_sticky(resource.metadata, findings)
    _check_rules(spec.rules, findings)
    for number, rule in enumerate(spec.rules):
        _check_http_rule(rule, ("spec", "rules", number), findings)


def check_gateway_grpc_route(resource: GRPCRoute, findings: Findings) -> None:
    spec = resource.spec
    check_parents(spec.parent_refs, findings)
    check_hostnames(spec.hostnames, findings)
    check_sticky(resource.metadata, findings)
    _check_rules(spec.rules, findings)
    for number, rule in enumerate(spec.rules):
        _check_grpc_rule(rule, ("spec", "rules", number), findings)


def _check_rules(rules: Sequence[HTTPRouteRule | GRPCRouteRule], findings: Findings) -> None:
    at: Path = ("spec", "rules")
    if len(rules) > MOST_RULES:
        findings.add("TNO172", at, f"{len(rules)} rules; Gateway API allows {MOST_RULES}")
    counts = [len(rule.matches) for rule in rules]
    if sum(counts) > MOST_MATCHES_IN_ALL:
        findings.add("TNO172", at, f"{sum(counts)} matches in all; Gateway API allows {MOST_MATCHES_IN_ALL}")
    for number, count in enumerate(counts):
        if count > MOST_MATCHES:
            message = f"{count} matches; Gateway API allows {MOST_MATCHES}"
            findings.add("TNO172", (*at, number, "matches"), message)
    check_unique((rule.name for rule in rules), at, "name", "the name", findings)


def _check_http_rule(rule: HTTPRouteRule, at: Path, findings: Findings) -> None:
    for number, match in enumerate(rule.matches):
        here: Path = (*at, "matches", number)
        _check_path(match.path, (*here, "path"), findings)
        _check_headers(match.headers, (*here, "headers"), findings)
        _check_headers(match.query_params, (*here, "queryParams"), findings)
    _check_http_filters(rule, at, findings)
    check_backends(rule.backend_refs, (*at, "backendRefs"), findings)
    _check_timeouts(rule.timeouts, (*at, "timeouts"), findings)
    _check_retry(rule.retry, (*at, "retry"), findings)
    _check_persistence(rule.session_persistence, at, findings)


def _check_http_filters(rule: HTTPRouteRule, at: Path, findings: Findings) -> None:
    check_filters(rule.filters, (*at, "filters"), findings)
    if rule.backend_refs and any(each.type == "RequestRedirect" for each in rule.filters):
        findings.add("TNO111", (*at, "backendRefs"), "a rule that redirects cannot have `backendRefs`")
    prefixed = len(rule.matches) == 1 and rule.matches[0].path.type == "PathPrefix"
    if replaces_prefix(rule.filters) and not (prefixed or not rule.matches):
        message = "ReplacePrefixMatch needs a rule with exactly one match, and that on a PathPrefix"
        findings.add("TNO120", (*at, "filters"), message, "make a rule of each match")
    for number, backend in enumerate(rule.backend_refs):
        here: Path = (*at, "backendRefs", number, "filters")
        check_filters(backend.filters, here, findings)
        _check_backend_filters([each.type for each in backend.filters], here, findings)


def _check_backend_filters(types: Sequence[str], at: Path, findings: Findings) -> None:
    """For one backend Istio changes headers, and nothing else."""
    for number, name in enumerate(types):
        if name not in ("RequestHeaderModifier", "ResponseHeaderModifier", "ExtensionRef"):
            message = f"a {name} for one backend is not possible: the rule answers 500, as for Istio it is not valid"
            findings.add("TNO173", (*at, number), message, "give it to the rule")


def _check_grpc_rule(rule: GRPCRouteRule, at: Path, findings: Findings) -> None:
    for number, match in enumerate(rule.matches):
        here: Path = (*at, "matches", number)
        if match.method is not None:
            _check_method(match.method, (*here, "method"), findings)
        _check_headers(match.headers, (*here, "headers"), findings)
    check_filters(rule.filters, (*at, "filters"), findings)
    check_backends(rule.backend_refs, (*at, "backendRefs"), findings)
    for number, backend in enumerate(rule.backend_refs):
        filters: Path = (*at, "backendRefs", number, "filters")
        check_filters(backend.filters, filters, findings)
        _check_backend_filters([each.type for each in backend.filters], filters, findings)
    _check_persistence(rule.session_persistence, at, findings)


def _check_path(path: HTTPPathMatch, at: Path, findings: Findings) -> None:
    value = path.value
    if path.type == "RegularExpression":
        check_regex(value, (*at, "value"), findings)
        return
    if not value.startswith("/"):
        findings.add("TNO115", (*at, "value"), f"{shown(value)}: a path starts with `/`")
    wrong = next((part for part in _NOT_IN_A_PATH if part in value), None)
    wrong = wrong or next((part for part in _NOT_AT_ITS_END if value.endswith(part)), None)
    if wrong:
        message = f"{shown(value)} cannot be matched: no request's path has {shown(wrong)}, once normalized"
        findings.add("TNO115", (*at, "value"), message)
    elif value and not _PATH.fullmatch(value):
        findings.add("TNO115", (*at, "value"), f"{shown(value)} contains characters that no path has")


def _check_headers(headers: Sequence[HTTPHeaderMatch], at: Path, findings: Findings) -> None:
    for number, header in enumerate(headers):
        if not _NAME.fullmatch(header.name):
            findings.add("TNO116", (*at, number, "name"), f"{shown(header.name)} is no name that can be matched")
        if not header.value:
            findings.add("TNO115", (*at, number, "value"), "the value is empty")
        elif header.type == "RegularExpression":
            check_regex(header.value, (*at, number, "value"), findings)


def _check_method(method: GRPCMethodMatch, at: Path, findings: Findings) -> None:
    if method.service is None and method.method is None:
        findings.add("TNO115", at, "one or both of `service` and `method` must be given", "leave `method` out")
    for field, value, form in (("service", method.service, _SERVICE), ("method", method.method, _METHOD)):
        if value is None:
            continue
        if method.type == "RegularExpression":
            check_regex(value, (*at, field), findings)
        elif not form.fullmatch(value):
            findings.add("TNO115", (*at, field), f"{shown(value)} cannot be a gRPC {field}")


def _check_timeouts(timeouts: HTTPRouteTimeouts | None, at: Path, findings: Findings) -> None:
    if timeouts is None:
        return
    request = _checked(timeouts.request, (*at, "request"), findings)
    backend = _checked(timeouts.backend_request, (*at, "backendRequest"), findings)
    if request and backend and backend > request:
        message = "backendRequest cannot be longer than request"
        findings.add("TNO106", (*at, "backendRequest"), message)


def _checked(text: str | None, at: Path, findings: Findings) -> timedelta | None:
    """Gateway API's durations: up to four numbers with h, m, s or ms, without fractions."""
    if text is None:
        return None
    if not _DURATION.fullmatch(text):
        findings.add("TNO017", at, f"{shown(text)} is no duration of Gateway API", "write 500ms, 10s or 1m30s")
        return None
    return duration.parse(text)


def _check_retry(retry: HTTPRouteRetry | None, at: Path, findings: Findings) -> None:
    if retry is None:
        return
    for number, code in enumerate(retry.codes):
        if not 400 <= code <= 599:
            findings.add("TNO122", (*at, "codes", number), f"{code} is no status of a failure", "use 400 to 599")
    if retry.attempts is not None and not 0 <= retry.attempts <= MOST_ATTEMPTS:
        message = f"attempts {retry.attempts} is not in the range 0..{MOST_ATTEMPTS:,}"
        findings.add("TNO122", (*at, "attempts"), message)
    backoff = _checked(retry.backoff, (*at, "backoff"), findings)
    if backoff is not None and not backoff:
        findings.add("TNO106", (*at, "backoff"), "a backoff of no time")


def _check_persistence(persistence: SessionPersistence | None, at: Path, findings: Findings) -> None:
    if persistence is not None:
        hint = "a DestinationRule with consistentHash keeps users where they are"
        findings.add("TNO173", (*at, "sessionPersistence"), "no effect here, nor in Istio: sessionPersistence", hint)
