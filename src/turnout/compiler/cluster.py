"""Services and subsets to Envoy clusters: `outbound|port|subset|host`, one per subset, fed by EDS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.protocol_pb2 import Http1ProtocolOptions, Http2ProtocolOptions
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from turnout.compiler import endpoint, locality, proxy_protocol, traffic_policy, upstream_tls
from turnout.compiler.resolution import ADS, STATIC, resolve
from turnout.compiler.values import metadata, packed
from turnout.mesh.client_tls import ClientTLS
from turnout.mesh.mesh import Mesh, http_ports, tcp_ports
from turnout.mesh.policy import HostPolicy
from turnout.mesh.rule import Target
from turnout.mesh.service import Protocol, ServiceHost, port_protocol

ADS_CLUSTER = "turnout-ads"
"""The one that the bootstrap has, and that leads to Turnout itself."""
__all__ = ["ADS", "ADS_CLUSTER", "HTTP_OPTIONS", "cluster", "http_options", "speaks_http2", "targets"]


def targets(mesh: Mesh, sights: Iterable[str]) -> Iterator[Target]:
    """All that can be called: each service's ports as a whole and by subset, and again where callers differ."""
    callers = sorted(set(sights))
    for host in mesh.services.values():
        views = dict.fromkeys(("", *(mesh.view(host.host, caller) for caller in callers)))
        yield from targets_of(host, ((view, mesh.policy(host.host, view)) for view in views))


def targets_of(host: ServiceHost, seen: Iterable[tuple[str, HostPolicy]]) -> Iterator[Target]:
    """Of one service, in its views with the policy in each."""
    ports = [*http_ports(host), *tcp_ports(host)]
    for view, policy in seen:
        for port in ports:
            for subset in ("", *(subset.name for subset in policy.subsets)):
                yield Target(host.host, port.port, subset, view)


def cluster(mesh: Mesh, target: Target, tls: ClientTLS | None = None) -> Cluster:
    """One cluster with the traffic policy that is in force for it. Those of Services get their endpoints by EDS."""
    policy = mesh.policy(target.host, target.view)
    built = Cluster(name=target.cluster, metadata=metadata({"host": target.host, "subset": target.subset}))
    resolution = mesh.services[target.host].resolution
    resolve(built, resolution, endpoint.assignments(mesh, [target]) if resolution != STATIC else ())
    # A draining endpoint must get nothing new, even when it is the larger part: no panic.
    built.common_lb_config.healthy_panic_threshold.value = 0
    options = http_options(http2=speaks_http2(mesh, target))
    here = policy.policy(target.port, policy.subset(target.subset))
    traffic_policy.apply(built, options, here)
    if locality.is_weighted(here):
        built.common_lb_config.locality_weighted_lb_config.SetInParent()
    if tls:
        upstream_tls.apply(built, options, tls)
    if here.proxy_protocol:
        proxy_protocol.apply(built, here.proxy_protocol)
    built.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(options))
    if built.HasField("cluster_type"):
        built.lb_policy = Cluster.CLUSTER_PROVIDED  # there is nothing to balance
        built.ClearField("load_balancing_policy")
        built.ClearField("least_request_lb_config")
        built.ClearField("round_robin_lb_config")
    return built


def speaks_http2(mesh: Mesh, target: Target) -> bool:
    port = mesh.services[target.host].port(target.port)
    return port is not None and port_protocol(port) is Protocol.HTTP2


HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def http_options(*, http2: bool) -> HttpProtocolOptions:
    """How the cluster's endpoints are spoken to."""
    explicit = HttpProtocolOptions.ExplicitHttpConfig()
    if http2:
        explicit.http2_protocol_options.CopyFrom(Http2ProtocolOptions())
    else:
        explicit.http_protocol_options.CopyFrom(Http1ProtocolOptions())
    return HttpProtocolOptions(explicit_http_config=explicit)
