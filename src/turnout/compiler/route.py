"""The route table to Envoy's RouteConfiguration: one function per field of an HTTP route."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
from envoy.config.route.v3.route_components_pb2 import (
    DirectResponseAction,
    RedirectAction,
    Route,
    RouteAction,
    RouteMatch,
    VirtualHost,
    WeightedCluster,
)
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher

from turnout.compiler import cors, fault, headers, mirror, retry
from turnout.compiler.match import route_match
from turnout.compiler.values import duration, metadata, packed, seconds, uint32
from turnout.mesh import routing
from turnout.mesh.mesh import Mesh
from turnout.mesh.routing import Rule, Target
from turnout.resources.destination_rule import ConsistentHash
from turnout.resources.virtual_service import (
    Destination,
    HTTPDirectResponse,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    Percent,
)

_BLOCKED = (
    "%REQ(:AUTHORITY)% is not a service of this mesh, and outbound traffic policy is REGISTRY_ONLY.\n"
    "Add a Service (or its port), or list the address in NO_PROXY.\n"
)
_MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule needs to know besides itself. `known`: the clusters that exist."""

    mesh: Mesh
    known: frozenset[str]


def route_configuration(table: routing.RouteTable, scope: Scope) -> RouteConfiguration:
    """One per proxy. A route may name a cluster that does not exist (yet): 503 NC, as Istio has it."""
    hosts = [
        VirtualHost(
            name=host.name,
            domains=host.domains,
            routes=[route(rule, scope) for rule in host.rules],
            include_request_attempt_count=True,
        )
        for host in table.hosts
    ]
    hosts += [_blocked()] if table.block_all else []
    built = RouteConfiguration(
        name=table.name,
        virtual_hosts=hosts,
        max_direct_response_body_size_bytes=uint32(_MAX_BODY_BYTES),
    )
    built.validate_clusters.value = False
    built.ignore_port_in_host_matching = not table.block_all
    return built


def _blocked() -> VirtualHost:
    answer = DirectResponseAction(status=502, body_format=_text(_BLOCKED))
    return VirtualHost(
        name="block_all",
        domains=["*"],
        routes=[Route(name="block_all", match=RouteMatch(prefix="/"), direct_response=answer)],
    )


def _text(template: str) -> SubstitutionFormatString:
    return SubstitutionFormatString(text_format_source=DataSource(inline_string=template))


def route(rule: Rule, scope: Scope) -> Route:
    """One rule under one match."""
    built = Route(name=rule.name, match=route_match(rule.match), metadata=metadata({"route": label(rule)}))
    if rule.http is None:
        assert rule.default is not None
        built.route.CopyFrom(_forward(HTTPRoute(), [(HTTPRouteDestination(), rule.default)], [], scope))
        return built
    _act(built, rule, rule.http, scope)
    headers.adjust(built, rule.http.headers)
    if len(rule.http.route) == 1:
        headers.adjust(built, rule.http.route[0].headers)
    if rule.http.fault:
        built.typed_per_filter_config[fault.FILTER].CopyFrom(packed(fault.http_fault(rule.http.fault)))
    if rule.http.cors_policy:
        built.typed_per_filter_config[cors.FILTER].CopyFrom(packed(cors.cors(rule.http.cors_policy)))
    if rule.match and rule.match.stat_prefix:
        built.stat_prefix = rule.match.stat_prefix
    return built


def label(rule: Rule) -> str:
    """The route's name in metrics: its own, else where it stands."""
    if rule.virtual_service is None:
        return "default"
    meta = rule.virtual_service.metadata
    return rule.name or f"{meta.namespace}/{meta.name}/http[{rule.index}]"


def _act(built: Route, rule: Rule, http: HTTPRoute, scope: Scope) -> None:
    if http.redirect:
        built.redirect.CopyFrom(redirect(http.redirect, rule.listener_port))
    elif http.direct_response:
        built.direct_response.CopyFrom(direct_response(http.direct_response))
    else:
        destinations = [(choice, _resolve(choice, rule, scope)) for choice in http.route]
        built.route.CopyFrom(_forward(http, destinations, mirrors(rule, scope.mesh), scope))


def _resolve(choice: HTTPRouteDestination, rule: Rule, scope: Scope) -> Target:
    assert choice.destination is not None
    assert rule.virtual_service is not None
    namespace = rule.virtual_service.metadata.namespace
    return routing.target(scope.mesh, choice.destination, namespace, rule.listener_port)


def mirrors(rule: Rule, mesh: Mesh) -> list[tuple[Target, Percent | None]]:
    """Where copies go, each with its own percentage (None: the route's)."""
    if rule.http is None or rule.virtual_service is None:
        return []
    wanted: list[tuple[Destination | None, Percent | None]] = [(rule.http.mirror, None)]
    wanted += [(policy.destination, policy.percentage) for policy in rule.http.mirrors]
    namespace = rule.virtual_service.metadata.namespace
    return [
        (routing.target(mesh, destination, namespace, rule.listener_port), percentage)
        for destination, percentage in wanted
        if destination is not None
    ]


def _forward(
    http: HTTPRoute,
    destinations: list[tuple[HTTPRouteDestination, Target]],
    copies: list[tuple[Target, Percent | None]],
    scope: Scope,
) -> RouteAction:
    action = RouteAction()
    _split(action, destinations)
    action.timeout.CopyFrom(duration(http.timeout) if http.timeout else seconds(0))
    action.max_stream_duration.max_stream_duration.SetInParent()
    action.max_stream_duration.grpc_timeout_header_max.SetInParent()
    hashing = [policy for policy in (_hash(target, scope.mesh) for _, target in destinations) if policy]
    action.hash_policy.extend(hashing[:1])
    policy = retry.policy(http.retries, consistent_hash=bool(hashing))
    if policy is not None:
        action.retry_policy.CopyFrom(policy)
    if http.rewrite:
        _rewrite(action, http.rewrite)
    authority = headers.authority(http.headers)
    if authority is None and len(http.route) == 1:
        authority = headers.authority(http.route[0].headers)
    if authority is not None:
        action.host_rewrite_literal = authority
    action.request_mirror_policies.extend(mirror.policies(http, copies, scope.known))
    return action


def _split(action: RouteAction, destinations: list[tuple[HTTPRouteDestination, Target]]) -> None:
    """A single destination takes all, whatever its weight; of several, those with weight 0 are dropped."""
    if len(destinations) == 1:
        action.cluster = destinations[0][1].cluster
        return
    for choice, target in destinations:
        if choice.weight:
            weighted = WeightedCluster.ClusterWeight(name=target.cluster, weight=uint32(choice.weight))
            headers.adjust(weighted, choice.headers)
            authority = headers.authority(choice.headers)
            if authority is not None:
                weighted.host_rewrite_literal = authority
            action.weighted_clusters.clusters.append(weighted)


def _hash(target: Target, mesh: Mesh) -> RouteAction.HashPolicy | None:
    host = mesh.policies.get(target.host)
    if host is None:
        return None
    balancer = host.policy(target.port, host.subset(target.subset)).load_balancer
    return _hash_policy(balancer.consistent_hash) if balancer and balancer.consistent_hash else None


def _hash_policy(settings: ConsistentHash) -> RouteAction.HashPolicy:
    built = RouteAction.HashPolicy()
    if settings.http_header_name is not None:
        built.header.header_name = settings.http_header_name
    elif settings.http_cookie is not None:
        built.cookie.name = settings.http_cookie.name
        built.cookie.path = settings.http_cookie.path
        if settings.http_cookie.ttl is not None:
            built.cookie.ttl.CopyFrom(duration(settings.http_cookie.ttl))
    elif settings.http_query_parameter_name is not None:
        built.query_parameter.name = settings.http_query_parameter_name
    else:
        built.connection_properties.source_ip = True
    return built


def _rewrite(action: RouteAction, rewrite: HTTPRewrite) -> None:
    if rewrite.uri_regex_rewrite:
        action.regex_rewrite.CopyFrom(
            RegexMatchAndSubstitute(
                pattern=RegexMatcher(regex=rewrite.uri_regex_rewrite.match),
                substitution=rewrite.uri_regex_rewrite.rewrite,
            )
        )
    elif rewrite.uri:
        action.prefix_rewrite = rewrite.uri
    if rewrite.authority:
        action.host_rewrite_literal = rewrite.authority


_REDIRECT_CODES = {
    301: RedirectAction.MOVED_PERMANENTLY,
    302: RedirectAction.FOUND,
    303: RedirectAction.SEE_OTHER,
    307: RedirectAction.TEMPORARY_REDIRECT,
    308: RedirectAction.PERMANENT_REDIRECT,
}


def redirect(wanted: HTTPRedirect, listener_port: int) -> RedirectAction:
    """No code is 301."""
    built = RedirectAction(
        host_redirect=wanted.authority,
        response_code=_REDIRECT_CODES.get(wanted.redirect_code, RedirectAction.MOVED_PERMANENTLY),
    )
    if wanted.prefix_rewrite:
        built.prefix_rewrite = wanted.prefix_rewrite
    elif wanted.uri:
        built.path_redirect = wanted.uri
    if wanted.scheme:
        built.scheme_redirect = wanted.scheme
    if wanted.port is not None:
        built.port_redirect = wanted.port
    elif wanted.derive_port == "FROM_REQUEST_PORT":
        built.port_redirect = listener_port
    return built


def direct_response(wanted: HTTPDirectResponse) -> DirectResponseAction:
    built = DirectResponseAction(status=wanted.status)
    if wanted.body and wanted.body.string is not None:
        built.body.inline_string = wanted.body.string
    elif wanted.body and wanted.body.bytes is not None:
        built.body.inline_bytes = base64.b64decode(wanted.body.bytes)
    return built


def mirrored(tables: list[routing.RouteTable], scope: Scope) -> Iterator[Target]:
    """Every existing cluster that some rule sends copies to, once."""
    seen: set[str] = set()
    for rule in (rule for table in tables for host in table.hosts for rule in host.rules):
        for target, _ in mirrors(rule, scope.mesh):
            if target.cluster in scope.known and target.cluster not in seen:
                seen.add(target.cluster)
                yield target
