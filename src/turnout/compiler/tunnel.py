"""CONNECT: what a client of a workload's way out wants to be passed on, or to be asked of the mesh inside.

A gRPC client, and whoever speaks through a proxy as it would through a wire, opens a tunnel to `reviews:9080` and talks
HTTP/1.1 or HTTP/2 in it. That tunnel leads to an internal listener with the same routes, so that all holds inside:

    egress|… ─CONNECT─► cluster `inside|egress|…` ─► internal listener `inside|egress|…` ─► routes ─► the service

A tunnel to a port that speaks no HTTP leads to the service's endpoints at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLogFilter, HeaderFilter
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.common.mutation_rules.v3.mutation_rules_pb2 import HeaderMutation
from envoy.config.core.v3.address_pb2 import Address, EnvoyInternalAddress
from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_components_pb2 import FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import (
    HeaderMatcher,
    Route,
    RouteAction,
    RouteMatch,
    WeightedCluster,
)
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.http.early_header_mutation.header_mutation.v3.header_mutation_pb2 import (
    HeaderMutation as EarlyHeaderMutation,
)
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from turnout.compiler import filters
from turnout.compiler.values import option, packed, uint32
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Egress
from turnout.mesh.rule import Target
from turnout.mesh.tcp import TcpRule

HEADER = "x-turnout-tunnel"
"""What each request on a way out is given, and never leaves it with: where its inside is. Routes are shared by the
workloads of a namespace, and their insides are not."""
CONNECT = "CONNECT"
ROUTE = "tunnel"
LARGEST_SUM = 2**32 - 1
"""Of weights, and as a limit: none."""


def inside(proxy: Egress) -> str:
    """The name of the internal listener, and of the cluster that leads there."""
    return f"inside|{proxy.name}"


def cluster(proxy: Egress) -> Cluster:
    """Leads to the internal listener."""
    name = inside(proxy)
    entry = Endpoint(address=Address(envoy_internal_address=EnvoyInternalAddress(server_listener_name=name)))
    group = LocalityLbEndpoints(lb_endpoints=[LbEndpoint(endpoint=entry)])
    assignment = ClusterLoadAssignment(cluster_name=name, endpoints=[group])
    built = Cluster(name=name, type=Cluster.STATIC, load_assignment=assignment)
    built.circuit_breakers.thresholds.add(max_connections=uint32(LARGEST_SUM), max_requests=uint32(LARGEST_SUM))
    return built


def listener(proxy: Egress, chains: Iterable[FilterChain], known: Metadata) -> Listener:
    """`chains` and `known` (to its requests' log): as on the way out itself."""
    built = Listener(name=inside(proxy), filter_chains=chains, stat_prefix=proxy.name, metadata=known)
    built.internal_listener.SetInParent()
    return built


def allow(manager: HttpConnectionManager, proxy: Egress) -> None:
    """On a way out."""
    manager.upgrade_configs.add(upgrade_type=CONNECT)
    manager.access_log_options.flush_log_on_tunnel_successfully_established = True
    mutation = EarlyHeaderMutation(mutations=[HeaderMutation(append=option(HEADER, inside(proxy)))])
    extension = TypedExtensionConfig(name=filters.EARLY_MUTATION, typed_config=packed(mutation))
    manager.early_header_mutation_extensions.append(extension)


def others() -> AccessLogFilter:
    """All requests but those for a tunnel: these are connections, and what is asked inside is counted there."""
    method = HeaderMatcher(name=":method", string_match=StringMatcher(exact=CONNECT), invert_match=True)
    return AccessLogFilter(header_filter=HeaderFilter(header=method))


def to_inside() -> Route:
    """For a host that speaks HTTP."""
    return _connect(ROUTE, RouteAction(cluster_header=HEADER))


def routes(rule: TcpRule, mesh: Mesh) -> list[Route]:
    """For a host that does not. Who asks it something in plain HTTP all the same is passed on as well."""
    choices = rule.choices(mesh)
    plain = Route(name=rule.name, match=RouteMatch(prefix="/"), route=_action(choices))
    plain.route.timeout.SetInParent()
    return [_connect(rule.name, _action(choices)), plain]


def _connect(name: str, action: RouteAction) -> Route:
    upgrade = action.upgrade_configs.add(upgrade_type=CONNECT)
    upgrade.connect_config.SetInParent()
    action.timeout.SetInParent()
    built = Route(name=name, route=action)
    built.match.connect_matcher.SetInParent()
    return built


def _action(choices: Iterable[tuple[int, Target]]) -> RouteAction:
    given = list(choices)
    if len(given) == 1:
        return RouteAction(cluster=given[0][1].cluster)
    scale = 1 + sum(weight for weight, _ in given) // LARGEST_SUM
    weighted = [
        WeightedCluster.ClusterWeight(name=target.cluster, weight=uint32(max(1, weight // scale)))
        for weight, target in given
    ]
    return RouteAction(weighted_clusters=WeightedCluster(clusters=weighted))
