"""Routes of Gateway API to routes of VirtualServices, rule by rule and match by match. Source: Istio's conversion.

What a VirtualService cannot say, a `Rule` of such a route does differently: its prefixes end where a segment of the
path ends, and a destination that does not exist gets 500, not 503.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from turnout.mesh import names
from turnout.mesh.route_match import grpc_match, http_match
from turnout.resources import duration, forwarding_route, gateway_api
from turnout.resources.forwarding_route import BackendRef, ForwardingRule
from turnout.resources.gateway_api import (
    BackendObjectReference,
    GRPCBackendRef,
    GRPCRoute,
    GRPCRouteFilter,
    GRPCRouteRule,
    HTTPBackendRef,
    HTTPCORSFilter,
    HTTPHeader,
    HTTPHeaderFilter,
    HTTPPathModifier,
    HTTPRequestMirrorFilter,
    HTTPRequestRedirectFilter,
    HTTPRouteFilter,
    HTTPRouteRule,
    HTTPURLRewriteFilter,
)
from turnout.resources.kinds import ISTIO
from turnout.resources.virtual_service import (
    CorsPolicy,
    Destination,
    HeaderOperations,
    Headers,
    HTTPDirectResponse,
    HTTPMatchRequest,
    HTTPMirrorPolicy,
    HTTPRedirect,
    HTTPRetry,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    Percent,
    PortSelector,
    RegexRewrite,
    RouteDestination,
    StringMatch,
    TCPRoute,
    TLSMatchAttributes,
    TLSRoute,
    VirtualService,
    VirtualServiceSpec,
)

Route = gateway_api.HTTPRoute | GRPCRoute | forwarding_route.TLSRoute | forwarding_route.TCPRoute
Reference = BackendObjectReference | HTTPBackendRef | GRPCBackendRef | BackendRef
Permit = Callable[[Reference], bool]
"""Whether the route may refer to a backend: in another namespace only where a ReferenceGrant says so."""

_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled"
_ATTEMPTS = 2
_FAILURE = HTTPDirectResponse(status=500)
_ROOT = "/"


def kind_of(route: Route) -> str:
    return type(route).__name__


def virtual_service(route: Route, gateways: tuple[str, ...], permitted: Permit) -> VirtualService:
    """`http[i].match[j]` is what `rules[i].matches[j]` says. It has the route's own name.

    Of a route that has not changed it is the same object as before, so that nothing that follows from it is done anew.
    """
    if _stays_at_home(route):
        return _known(_Identity(route), gateways)
    return _translated(route, gateways, permitted)


class _Identity:
    """A route as a key: the very object. To compare all that it says would take as long as to translate it."""

    __slots__ = ("route",)

    def __init__(self, route: Route) -> None:
        self.route = route

    def __hash__(self) -> int:
        return id(self.route)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.route is self.route


@lru_cache(maxsize=4096)
def _known(same: _Identity, gateways: tuple[str, ...]) -> VirtualService:
    return _translated(same.route, gateways, lambda _: True)


def _stays_at_home(route: Route) -> bool:
    """It names nothing of other namespaces, so that no grant can change what becomes of it."""
    own = ("", route.metadata.namespace)
    return all(reference.namespace in own for _, reference in references(route))


def references(route: Route) -> Iterator[tuple[str, Reference]]:
    """All that it sends requests or copies to, each with its path."""
    rules: Sequence[HTTPRouteRule | GRPCRouteRule | ForwardingRule] = route.spec.rules
    for index, rule in enumerate(rules):
        backends: Sequence[Reference] = rule.backend_refs
        for at, backend in enumerate(backends):
            yield f"spec.rules[{index}].backendRefs[{at}]", backend
        if isinstance(rule, ForwardingRule):
            continue
        filters: Sequence[HTTPRouteFilter | GRPCRouteFilter] = rule.filters
        for at, each in enumerate(filters):
            if each.request_mirror:
                yield f"spec.rules[{index}].filters[{at}].requestMirror.backendRef", each.request_mirror.backend_ref


def _translated(route: Route, gateways: tuple[str, ...], permitted: Permit) -> VirtualService:
    meta = route.metadata
    if isinstance(route, (forwarding_route.TLSRoute, forwarding_route.TCPRoute)):
        return VirtualService(meta, _forwarding(route, gateways, permitted))
    rules: Sequence[HTTPRouteRule | GRPCRouteRule] = route.spec.rules
    http = tuple(
        _http(rule, rule.name or f"{meta.namespace}.{meta.name}.{index}", meta.namespace, permitted)
        for index, rule in enumerate(rules)
    )
    return VirtualService(meta, VirtualServiceSpec(route.spec.hostnames or ("*",), gateways, http))


def _forwarding(
    route: forwarding_route.TLSRoute | forwarding_route.TCPRoute, gateways: tuple[str, ...], permitted: Permit
) -> VirtualServiceSpec:
    """Only the first rule counts: nothing tells the connections of another one."""
    own = route.metadata.namespace
    backends = [backend for rule in route.spec.rules[:1] for backend in rule.backend_refs if backend.weight]
    choices = tuple(RouteDestination(destination(each, own, permitted), each.weight) for each in backends)
    if isinstance(route, forwarding_route.TCPRoute):
        return VirtualServiceSpec(("*",), gateways, tcp=(TCPRoute(route=choices),))
    hosts = route.spec.hostnames or ("*",)
    return VirtualServiceSpec(hosts, gateways, tls=(TLSRoute((TLSMatchAttributes(hosts),), choices),))


def _http(rule: HTTPRouteRule | GRPCRouteRule, name: str, namespace: str, permitted: Permit) -> HTTPRoute:
    """`name`: as Istio calls it unless the rule has one: namespace, route and number of the rule."""
    http = HTTPRoute(
        name=name,
        match=_matches(rule),
        route=tuple(_choice(each, namespace, permitted) for each in rule.backend_refs if each.weight),
        retries=_retries(rule),
        timeout=_timeout(rule),
    )
    prefix = _prefix(http)
    for each in rule.filters:
        http = _filtered(http, each, prefix, namespace, permitted)
    if _is_failing(rule) or not (http.route or http.redirect):
        return replace(http, direct_response=_FAILURE, route=(), redirect=None, rewrite=None, mirrors=())
    return http


def _matches(rule: HTTPRouteRule | GRPCRouteRule) -> tuple[HTTPMatchRequest, ...]:
    if isinstance(rule, HTTPRouteRule):
        return tuple(map(http_match, rule.matches))
    return tuple(map(grpc_match, rule.matches))


def _is_failing(rule: HTTPRouteRule | GRPCRouteRule) -> bool:
    """A filter that cannot be carried out must not be passed over: its requests fail."""
    headers = ("RequestHeaderModifier", "ResponseHeaderModifier")
    own = any(each.type == "ExtensionRef" for each in rule.filters)
    return own or any(each.type not in headers for backend in rule.backend_refs for each in backend.filters)


def _prefix(http: HTTPRoute) -> str:
    """What a filter that replaces the prefix replaces: such a rule has one match."""
    uri = http.match[0].uri if http.match else None
    return (uri.prefix if uri else None) or _ROOT


def _filtered(
    http: HTTPRoute, each: HTTPRouteFilter | GRPCRouteFilter, prefix: str, namespace: str, permitted: Permit
) -> HTTPRoute:
    if each.request_mirror:
        return replace(http, mirrors=(*http.mirrors, *_mirrors(each.request_mirror, namespace, permitted)))
    if isinstance(each, HTTPRouteFilter):
        if each.request_redirect:
            return replace(http, redirect=_redirect(each.request_redirect, prefix))
        if each.url_rewrite:
            return replace(http, rewrite=_rewrite(each.url_rewrite, prefix))
        if each.cors:
            return replace(http, cors_policy=_cors(each.cors))
    return replace(http, headers=_with_headers(http.headers, each))


def _with_headers(headers: Headers | None, each: HTTPRouteFilter | GRPCRouteFilter) -> Headers | None:
    headers = headers or Headers()
    if each.request_header_modifier:
        headers = replace(headers, request=_operations(each.request_header_modifier))
    if each.response_header_modifier:
        headers = replace(headers, response=_operations(each.response_header_modifier))
    return headers


def _operations(headers: HTTPHeaderFilter) -> HeaderOperations:
    return HeaderOperations(_first_of_each(headers.set), _first_of_each(headers.add), headers.remove)


def _first_of_each(headers: Iterable[HTTPHeader]) -> dict[str, str]:
    """Of a name that is given twice, in whatever case, the first counts."""
    found: dict[str, str] = {}
    for header in headers:
        found.setdefault(header.name.lower(), header.value)
    return found


# --- where to


def _choice(backend: HTTPBackendRef | GRPCBackendRef, namespace: str, permitted: Permit) -> HTTPRouteDestination:
    headers: Headers | None = None
    for each in backend.filters:
        headers = _with_headers(headers, each)
    return HTTPRouteDestination(destination(backend, namespace, permitted), backend.weight, headers)


def destination(backend: Reference, namespace: str, permitted: Permit) -> Destination:
    """What may not be referred to, and a kind that is none, becomes a host that does not exist."""
    own = backend.namespace or namespace
    port = PortSelector(backend.port) if backend.port else None
    if not permitted(backend):
        return Destination(f"{backend.name}.{own}.not-permitted", port=port)
    match backend.group, backend.kind:
        case "", "Service":
            return Destination(names.fqdn(backend.name, own), port=port)
        case group, "Hostname" if group == ISTIO:
            return Destination(backend.name, port=port)
    return Destination(f"{backend.name}.{own}.no-service", port=port)


def _mirrors(mirror: HTTPRequestMirrorFilter, namespace: str, permitted: Permit) -> Sequence[HTTPMirrorPolicy]:
    """One to what may not be referred to is left out, as Istio leaves it out."""
    if not permitted(mirror.backend_ref):
        return ()
    percent = None if mirror.percent is None else Percent(float(mirror.percent))
    if mirror.fraction:
        percent = Percent(100 * mirror.fraction.numerator / mirror.fraction.denominator)
    return (HTTPMirrorPolicy(destination(mirror.backend_ref, namespace, permitted), percent),)


# --- paths


def _rewrite(wanted: HTTPURLRewriteFilter, prefix: str) -> HTTPRewrite | None:
    rewrite = HTTPRewrite(authority=wanted.hostname or "")
    if wanted.path and wanted.path.type == "ReplaceFullPath":
        literal = _absolute(wanted.path.replace_full_path).replace("\\", "\\\\")
        rewrite = replace(rewrite, uri_regex_rewrite=RegexRewrite("/.*", literal))
    elif wanted.path:
        uri = _new_prefix(wanted.path, prefix)
        gone = _without(prefix) if uri == _ROOT else None
        rewrite = replace(rewrite, uri="" if gone else uri, uri_regex_rewrite=gone)
    return None if rewrite == HTTPRewrite() else rewrite


def _new_prefix(path: HTTPPathModifier, prefix: str) -> str:
    """What Envoy is to put where the prefix stood, so that `/` stands once between it and the rest."""
    new = _absolute(path.replace_prefix_match).rstrip(_ROOT)
    return new + _ROOT if prefix == _ROOT or not new else new


def _absolute(path: str | None) -> str:
    """A path starts with `/`, also where nobody wrote it."""
    return f"/{path or ''}" if not path or not path.startswith(_ROOT) else path


def shortened(redirect: HTTPRedirect, match: HTTPMatchRequest | None) -> RegexRewrite | None:
    """What a redirect does to the path where it leaves nothing of the prefix; None: what its fields say."""
    uri = match.uri if match else None
    return _without(uri.prefix) if uri and uri.prefix and redirect.prefix_rewrite == _ROOT else None


def _without(prefix: str) -> RegexRewrite | None:
    """Takes a prefix away, so that the path still starts with one `/`. None: that changes nothing."""
    return None if prefix == _ROOT else RegexRewrite(f"^{re.escape(prefix)}/?(.*)", r"/\1")


def _redirect(wanted: HTTPRequestRedirectFilter, prefix: str) -> HTTPRedirect:
    """Without a port that of the scheme, or, where there is none either, that of the listener."""
    redirect = HTTPRedirect(
        authority=wanted.hostname or "", scheme=wanted.scheme or "", redirect_code=wanted.status_code, port=wanted.port
    )
    if wanted.port is None:
        redirect = replace(redirect, derive_port="FROM_PROTOCOL_DEFAULT" if wanted.scheme else "FROM_REQUEST_PORT")
    if wanted.path and wanted.path.type == "ReplaceFullPath":
        return replace(redirect, uri=_absolute(wanted.path.replace_full_path))
    return replace(redirect, prefix_rewrite=_new_prefix(wanted.path, prefix)) if wanted.path else redirect


# --- the rest


def _timeout(rule: HTTPRouteRule | GRPCRouteRule) -> timedelta | None:
    """Without retries of its own, a rule's `backendRequest` limits the whole request, as Istio has it."""
    timeouts = rule.timeouts if isinstance(rule, HTTPRouteRule) else None
    if timeouts is None:
        return None
    retries = _retries(rule)
    alone = None if retries and retries.attempts else _duration(timeouts.backend_request)
    return alone or _duration(timeouts.request)


def _duration(text: str | None) -> timedelta | None:
    """Zero is no limit."""
    return (duration.parse(text) if text else None) or None


def _retries(rule: HTTPRouteRule | GRPCRouteRule) -> HTTPRetry | None:
    wanted = rule.retry if isinstance(rule, HTTPRouteRule) else None
    if wanted is None:
        return None
    attempts = _ATTEMPTS if wanted.attempts is None else wanted.attempts
    if not attempts:
        return HTTPRetry()
    conditions = ",".join((_RETRY_ON, *map(str, wanted.codes)))
    each_try = rule.timeouts.backend_request if isinstance(rule, HTTPRouteRule) and rule.timeouts else None
    return HTTPRetry(attempts, _duration(each_try), conditions, backoff=_duration(wanted.backoff))


def _cors(wanted: HTTPCORSFilter) -> CorsPolicy:
    return CorsPolicy(
        allow_origins=tuple(map(_origin, wanted.allow_origins)),
        allow_methods=wanted.allow_methods,
        allow_headers=wanted.allow_headers,
        expose_headers=wanted.expose_headers,
        max_age=timedelta(seconds=wanted.max_age),
        allow_credentials=wanted.allow_credentials or None,
    )


def _origin(origin: str) -> StringMatch:
    """`*` stands for any number of characters."""
    if "*" not in origin:
        return StringMatch(exact=origin)
    return StringMatch(regex=".*".join(map(re.escape, origin.split("*"))))
