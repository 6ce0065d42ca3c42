"""Copies of real requests, kept from ever hurting the requests themselves.

A plain Envoy mirror is dangerous: a candidate that answers slowly or hugely takes memory and latency from production.
So a copy goes through an internal listener of its own, with bounds on both sides of it:

    route ─mirror─► cluster `mirror|…` ─► internal listener `mirror|…` ─► cluster `copy|…` ─► the candidate

Each is limited in requests and buffers; a copy that does not fit is dropped, and counted by Envoy as
`upstream_rq_pending_overflow` or `upstream_rq_active_overflow`. Connections follow from requests: were they limited as
well, one of Envoy's threads could hold them all, idle, and the copies of another would wait for their turn on the only
one it is left with. The listener has its own access log, so copies never mix with what users got. Envoy reads a request
no faster than its copy is taken, so the listener takes every copy in at once, whatever the candidate does; one with too
large a body ends there, with 413.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog, AccessLogFilter, ComparisonFilter, StatusCodeFilter
from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.common.mutation_rules.v3.mutation_rules_pb2 import HeaderMutation
from envoy.config.core.v3.address_pb2 import Address, EnvoyInternalAddress
from envoy.config.core.v3.base_pb2 import HeaderValueOption, RuntimeFractionalPercent, RuntimeUInt32
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, RouteAction, RouteMatch, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.bandwidth_limit.v3.bandwidth_limit_pb2 import BandwidthLimit
from envoy.extensions.filters.http.buffer.v3.buffer_pb2 import Buffer
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
    LocalReplyConfig,
    ResponseMapper,
)

from turnout.compiler import filters, request_log, tracing, upstream_tls
from turnout.compiler.cluster import HTTP_OPTIONS, http_options
from turnout.compiler.resolution import resolve_as
from turnout.compiler.traffic_policy import UNLIMITED
from turnout.compiler.values import duration, metadata, millionths, option, packed, uint32
from turnout.mesh.client_tls import ClientTLS
from turnout.mesh.mesh import Mesh
from turnout.mesh.rule import Rule, Target
from turnout.resources.virtual_service import Destination, HTTPRoute

HEADER = "x-turnout-mirror"
"""What a copy carries, so that whoever gets it can tell it from a real request: CANDIDATE or BASELINE."""
CANDIDATE, BASELINE = "candidate", "baseline"
COPIED = "x-turnout-copied"
"""What a request carries that is copied: the cluster that answers it, a blank, and its route. A copy says its own."""
FLAGS = "x-turnout-flags"
"""What an answer carries that Envoy gave in place of a copy's receiver: why, as in its access log."""
SHARE = "turnout.copied"
"""The key in Envoy's runtime that says what part of a comparison's sample is copied: all, unless it is set."""

LIMIT = 32
TIMEOUT = timedelta(seconds=1)
LARGEST_BODY_BYTES = 1024 * 1024
"""Requests with a larger body are not copied. Times LIMIT it is what copies may take of Envoy's memory."""
_ROUTE = "%ROUTE_NAME%"
_BUFFER_BYTES = 64 * 1024
_CONNECT_TIMEOUT = timedelta(milliseconds=250)
_BANDWIDTH_KIB_PER_S = 20 * 1024


@dataclass(frozen=True, slots=True)
class Copies:
    """Where copies of a rule's requests go, how many of a hundred, and as what.

    Who gets real requests of the rule as well is its BASELINE: how it answers the same request twice is noise.
    """

    target: Target
    percent: float
    label: str


def copies(rule: Rule, mesh: Mesh) -> list[Copies]:
    """Of one rule; empty where it mirrors nothing."""
    wanted = mirrored(rule.http) if rule.http else []
    if rule.http is None or not wanted:
        return []
    real = {rule.target(mesh, each) for each in _real(rule.http)}
    given = [(rule.target(mesh, destination), percent) for destination, percent in wanted]
    return [Copies(target, percent, BASELINE if target in real else CANDIDATE) for target, percent in given]


def _real(http: HTTPRoute) -> list[Destination]:
    """Where real requests go. A single destination takes all, whatever its weight."""
    alone = len(http.route) == 1
    return [choice.destination for choice in http.route if choice.destination and (alone or choice.weight)]


def mirrored(http: HTTPRoute) -> list[tuple[Destination, float]]:
    """A percentage that is absent means all; one that is present but empty means none, and then there is no mirror."""
    given = [(http.mirror, _percent(http))] if http.mirror else []
    given += [
        (p.destination, 100.0 if p.percentage is None else p.percentage.value) for p in http.mirrors if p.destination
    ]
    return [(destination, percent) for destination, percent in given if percent > 0]


def _percent(http: HTTPRoute) -> float:
    if http.mirror_percentage is not None:
        return http.mirror_percentage.value
    return 100.0 if http.mirror_percent is None else float(http.mirror_percent)


def policy(wanted: Copies, known: frozenset[str]) -> RouteAction.RequestMirrorPolicy:
    """A destination that does not exist is named all the same, and Envoy sends it nothing.

    Without a word about tracing, a copy is traced when its request is.
    """
    target = wanted.target
    built = RouteAction.RequestMirrorPolicy(
        cluster=outer(target) if target.cluster in known else target.cluster,
        disable_shadow_host_suffix_append=True,
        request_headers_mutations=[
            HeaderMutation(append=option(HEADER, wanted.label)),
            HeaderMutation(append=option(COPIED, f"{inner(target)} {_ROUTE}")),
        ],
    )
    built.runtime_fraction.default_value.CopyFrom(millionths(wanted.percent))
    return built


def is_sampled(rule: Rule) -> bool:
    """Whether the rule copies for a comparison: it chooses requests by their ids."""
    return bool(rule.match and filters.ID_HEADER in rule.match.headers)


def share() -> RuntimeFractionalPercent:
    """Who is not in it, goes on to the next rule."""
    return RuntimeFractionalPercent(default_value=millionths(100), runtime_key=SHARE)


def mark() -> HeaderValueOption:
    """On the requests of a rule that copies."""
    return option(COPIED, f"%UPSTREAM_CLUSTER% {_ROUTE}")


def outer(target: Target) -> str:
    """The cluster that leads to the internal listener, and the listener's name."""
    return f"mirror|{target.key}"


def inner(target: Target) -> str:
    """The cluster that leads from the internal listener to the candidate."""
    return f"copy|{target.key}"


def clusters(target: Target, real: Cluster, *, http2: bool, tls: ClientTLS | None = None) -> tuple[Cluster, Cluster]:
    """Both sides of the internal listener. The inner one finds its endpoints as the real cluster does."""
    entry = Endpoint(address=Address(envoy_internal_address=EnvoyInternalAddress(server_listener_name=outer(target))))
    first = Cluster(
        name=outer(target),
        type=Cluster.STATIC,
        load_assignment=ClusterLoadAssignment(
            cluster_name=outer(target),
            endpoints=[LocalityLbEndpoints(lb_endpoints=[LbEndpoint(endpoint=entry)])],
        ),
    )
    second = Cluster(
        name=inner(target),
        metadata=metadata({"host": target.host, "subset": target.subset}),
        lb_policy=Cluster.LEAST_REQUEST,
    )
    resolve_as(real, second)
    second.common_lb_config.healthy_panic_threshold.value = 0
    for cluster, speaks_http2 in ((first, False), (second, http2)):
        _bound(cluster)
        options = http_options(http2=speaks_http2)
        if tls and cluster is second:
            upstream_tls.apply(cluster, options, tls)
        cluster.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(options))
    return first, second


def _bound(cluster: Cluster) -> None:
    cluster.connect_timeout.CopyFrom(duration(_CONNECT_TIMEOUT))
    cluster.per_connection_buffer_limit_bytes.value = _BUFFER_BYTES
    cluster.circuit_breakers.thresholds.append(
        CircuitBreakers.Thresholds(
            max_connections=uint32(UNLIMITED),
            max_pending_requests=uint32(LIMIT),
            max_requests=uint32(LIMIT),
            max_retries=uint32(0),
        )
    )


def listener(target: Target, access_log: AccessLog) -> Listener:
    """The internal listener: its own timeout, bandwidth limit and access log, then the candidate."""
    route = Route(match=RouteMatch(prefix="/"), route=RouteAction(cluster=inner(target)))
    route.route.timeout.CopyFrom(duration(TIMEOUT))
    route.request_headers_to_remove.append("x-envoy-expected-rq-timeout-ms")
    manager = HttpConnectionManager(
        stat_prefix=outer(target),
        route_config=RouteConfiguration(
            name=outer(target), virtual_hosts=[VirtualHost(name="copy", domains=["*"], routes=[route])]
        ),
        http_filters=[_take_in(), _bandwidth_limit(), filters.tap(), filters.router()],
        local_reply_config=LocalReplyConfig(mappers=[_flagged()]),
        access_log=[access_log, request_log.logger()],
        tracing=tracing.copies(),
        preserve_external_request_id=True,
        server_header_transformation=HttpConnectionManager.PASS_THROUGH,
    )
    manager.generate_request_id.value = False
    manager.delayed_close_timeout.SetInParent()
    manager.stream_idle_timeout.CopyFrom(duration(TIMEOUT * 5))
    chain = FilterChain(filters=[Filter(name=filters.MANAGER, typed_config=packed(manager))])
    built = Listener(name=outer(target), internal_listener=Listener.InternalListenerConfig(), filter_chains=[chain])
    built.per_connection_buffer_limit_bytes.value = _BUFFER_BYTES
    built.metadata.CopyFrom(request_log.copies())
    return built


def _flagged() -> ResponseMapper:
    """Marks whatever Envoy answers by itself, so that nobody takes it for the candidate's."""
    every = ComparisonFilter(op=ComparisonFilter.GE, value=RuntimeUInt32(runtime_key="turnout.every_local_reply"))
    return ResponseMapper(
        filter=AccessLogFilter(status_code_filter=StatusCodeFilter(comparison=every)),
        headers_to_add=[option(FLAGS, "%RESPONSE_FLAGS%")],
    )


def _take_in() -> HttpFilter:
    """A candidate that does not read would hold up the user's own upload: by seconds, without this."""
    whole = Buffer(max_request_bytes=uint32(LARGEST_BODY_BYTES))
    return HttpFilter(name="envoy.filters.http.buffer", typed_config=packed(whole))


def _bandwidth_limit() -> HttpFilter:
    limit = BandwidthLimit(stat_prefix="copies", enable_mode=BandwidthLimit.RESPONSE)
    limit.limit_kbps.value = _BANDWIDTH_KIB_PER_S
    return HttpFilter(name="envoy.filters.http.bandwidth_limit", typed_config=packed(limit))
