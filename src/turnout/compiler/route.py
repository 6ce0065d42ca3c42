"""The route table to Envoy's RouteConfiguration: one function per field of an HTTP route."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
from envoy.config.route.v3.route_components_pb2 import (
    DirectResponseAction,
    Route,
    RouteAction,
    RouteMatch,
    VirtualHost,
    WeightedCluster,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher

from turnout.compiler import cors, fault, filters, headers, mirror, retry, sticky, tunnel, user_log
from turnout.compiler.direct_response import MAX_BODY_BYTES, direct_response
from turnout.compiler.hash_policy import is_hashed
from turnout.compiler.match import route_match
from turnout.compiler.redirect import redirect as redirected
from turnout.compiler.redirect import to_https
from turnout.compiler.values import duration, packed, uint32
from turnout.mesh import routing
from turnout.mesh.gateway_route import shortened
from turnout.mesh.mesh import Mesh
from turnout.mesh.names import BLOCK_ALL
from turnout.mesh.routing import Rule, Target
from turnout.resources.virtual_service import (
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    RegexRewrite,
)

Choice = tuple[HTTPRouteDestination, Target]
"""One of a route's destinations as it is written, and where it leads."""

LARGEST_SUM = 2**32 - 1
"""Of weights; Envoy refuses more, so larger ones are made smaller in proportion."""

_BLOCKED = (
    "%REQ(:AUTHORITY)% is not a service of this mesh, and outbound traffic policy is REGISTRY_ONLY.\n"
    "Add a Service (or its port), or list the address in NO_PROXY.\n"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule needs to know besides itself. `known`: the clusters that exist."""

    mesh: Mesh
    known: frozenset[str]


def virtual_host(host: routing.VirtualHost, scope: Scope, *, tunnelled: bool = False) -> VirtualHost:
    """A route may name a cluster that does not exist (yet): 503 NC, as Istio has it.

    `tunnelled`: clients may open tunnels to the host (CONNECT), and speak with it inside.
    """
    if host.tcp:
        return VirtualHost(name=host.name, domains=host.domains, routes=tunnel.routes(host.tcp, scope.mesh))
    if host.require_tls and host.https_port:
        return VirtualHost(name=host.name, domains=host.domains, routes=[to_https(host.https_port)])
    return VirtualHost(
        name=host.name,
        domains=host.domains,
        routes=[*(route(rule, scope) for rule in host.rules), *([tunnel.to_inside()] if tunnelled else [])],
        include_request_attempt_count=True,
        require_tls=VirtualHost.ALL if host.require_tls else VirtualHost.NONE,
    )


def route_configuration(name: str, *, block_all: bool) -> RouteConfiguration:
    """A table but for its virtual hosts. `block_all`: what none of them covers is answered with 502, else with 404."""
    built = RouteConfiguration(
        name=name,
        virtual_hosts=[_blocked()] if block_all else [],
        max_direct_response_body_size_bytes=uint32(MAX_BODY_BYTES),
        request_headers_to_remove=[tunnel.HEADER] if block_all else [],
    )
    built.validate_clusters.value = False
    built.ignore_port_in_host_matching = not block_all
    return built


def _blocked() -> VirtualHost:
    answer = DirectResponseAction(status=502, body_format=_text(_BLOCKED))
    blocked = Route(
        name=BLOCK_ALL,
        match=RouteMatch(prefix="/"),
        direct_response=answer,
    )
    refused = Route(name=BLOCK_ALL, direct_response=answer)
    refused.match.connect_matcher.SetInParent()
    return VirtualHost(name=BLOCK_ALL, domains=["*"], routes=[blocked, refused])


def _text(template: str) -> SubstitutionFormatString:
    return SubstitutionFormatString(text_format_source=DataSource(inline_string=template))


def route(rule: Rule, scope: Scope) -> Route:
    """One rule under one match."""
    built = Route(name=label(rule), match=route_match(rule.match, by_segment=bool(rule.gateway_api)))
    if rule.http is None:
        assert rule.default is not None, "a rule without a VirtualService has a default"
        built.route.CopyFrom(_forward(HTTPRoute(), [(HTTPRouteDestination(), rule.default)], scope))
        return built
    _act(built, rule, rule.http, scope)
    headers.adjust(built, rule.http.headers)
    if len(rule.http.route) == 1:
        headers.adjust(built, rule.http.route[0].headers)
    injected = fault.http_fault(rule.http.fault) if rule.http.fault else None
    if injected:
        built.typed_per_filter_config[fault.FILTER].CopyFrom(packed(injected))
    if rule.http.cors_policy:
        built.typed_per_filter_config[cors.FILTER].CopyFrom(packed(cors.cors(rule.http.cors_policy)))
    if rule.match and rule.match.stat_prefix:
        built.stat_prefix = rule.match.stat_prefix
    return built


def label(rule: Rule) -> str:
    """The route's name in metrics and in a header of copied requests: its own, in one line, else where it stands."""
    if rule.virtual_service is None:
        return "default"
    meta = rule.virtual_service.metadata
    name = "".join(char if char.isprintable() else " " for char in rule.name)
    return name or f"{meta.namespace}/{meta.name}/http[{rule.index}]"


def _act(built: Route, rule: Rule, http: HTTPRoute, scope: Scope) -> None:
    if http.redirect:
        built.redirect.CopyFrom(redirected(http.redirect, rule.listener_port, _shortened(rule, http.redirect)))
    elif http.direct_response:
        built.direct_response.CopyFrom(direct_response(http.direct_response))
    else:
        built.route.CopyFrom(_forward(http, _resolved(rule, http, scope), scope))
        if rule.gateway_api:
            built.route.cluster_not_found_response_code = RouteAction.INTERNAL_SERVER_ERROR
        _stick(built.route, rule)
        if key := user_log.key(rule.virtual_service):
            built.typed_per_filter_config[user_log.FILTER].CopyFrom(packed(key))
        _copy(built, rule, scope)


def _copy(built: Route, rule: Rule, scope: Scope) -> None:
    """Requests of a rule that copies are marked, and pass the tap."""
    copies = mirror.copies(rule, scope.mesh)
    if not copies:
        return
    built.route.request_mirror_policies.extend(mirror.policy(each, scope.known) for each in copies)
    built.request_headers_to_add.append(mirror.mark())
    built.typed_per_filter_config[filters.TAP].CopyFrom(packed(filters.tapped()))
    if mirror.is_sampled(rule):
        built.match.runtime_fraction.CopyFrom(mirror.share())


def _shortened(rule: Rule, redirect: HTTPRedirect) -> RegexRewrite | None:
    return shortened(redirect, rule.match) if rule.gateway_api else None


def _resolved(rule: Rule, http: HTTPRoute, scope: Scope) -> list[Choice]:
    return [(choice, rule.target(scope.mesh, choice.destination)) for choice in http.route if choice.destination]


def _forward(http: HTTPRoute, choices: list[Choice], scope: Scope) -> RouteAction:
    action = RouteAction()
    _split(action, choices)
    _limit(action, http.timeout)
    hashed = len(choices) == 1 and is_hashed(choices[0][1], scope.mesh)
    policy = retry.policy(http.retries, consistent_hash=hashed)
    if policy is not None:
        action.retry_policy.CopyFrom(policy)
    if http.rewrite:
        _rewrite(action, http.rewrite)
    host = _authority(http, choices)
    if host:
        action.host_rewrite_literal = host
    return action


def _split(action: RouteAction, choices: list[Choice]) -> None:
    """A single destination takes all, whatever its weight; of several, those with weight 0 are dropped."""
    if len(choices) == 1:
        action.cluster = choices[0][1].cluster
        return
    scale = 1 + sum(choice.weight for choice, _ in choices) // LARGEST_SUM
    for choice, target in choices:
        if choice.weight:
            weight = max(1, choice.weight // scale)
            weighted = WeightedCluster.ClusterWeight(name=target.cluster, weight=uint32(weight))
            headers.adjust(weighted, choice.headers)
            host = headers.authority(choice.headers)
            if host:
                weighted.host_rewrite_literal = host
            action.weighted_clusters.clusters.append(weighted)


def _stick(action: RouteAction, rule: Rule) -> None:
    """The split of a VirtualService that asks for it becomes a function of a hash."""
    clusters = action.weighted_clusters.clusters
    policies = sticky.policies(rule.virtual_service) if len(clusters) > 1 else []
    if policies:
        action.hash_policy.extend(policies)
        action.weighted_clusters.use_hash_policy.value = True
        for cluster, weight in zip(clusters, sticky.scaled([each.weight.value for each in clusters]), strict=True):
            cluster.weight.value = weight


def _limit(action: RouteAction, timeout: timedelta | None) -> None:
    """None is no limit, not Envoy's 15 s. A gRPC client's own deadline counts, up to the same limit.

    As in Istio by the older of Envoy's two ways: with `max_stream_duration` on a route, Envoy ignores its `timeout`.
    """
    action.timeout.CopyFrom(duration(timeout or timedelta()))
    action.max_grpc_timeout.CopyFrom(action.timeout)


def _authority(http: HTTPRoute, choices: list[Choice]) -> str | None:
    """The Host to send: the rewrite's, else the route's header operations', else the only destination's."""
    if http.rewrite and http.rewrite.authority:
        return http.rewrite.authority
    return headers.authority(http.headers) or (headers.authority(choices[0][0].headers) if len(choices) == 1 else None)


def _rewrite(action: RouteAction, rewrite: HTTPRewrite) -> None:
    regex = rewrite.uri_regex_rewrite
    if regex:
        action.regex_rewrite.CopyFrom(
            RegexMatchAndSubstitute(pattern=RegexMatcher(regex=regex.match), substitution=regex.rewrite)
        )
    elif rewrite.uri:
        action.prefix_rewrite = rewrite.uri
