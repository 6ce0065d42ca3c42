"""Connections that are passed on unread, at a gateway or from a workload: one filter chain each.

At a gateway they are told apart by SNI where there is TLS; a workload has a listener for each service.
"""

from __future__ import annotations

from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from turnout.compiler import tcp_log, tls
from turnout.compiler.endpoint import socket_address
from turnout.compiler.values import duration, packed
from turnout.mesh.proxy import Egress, Outlet, Proxy
from turnout.mesh.tcp_gateway import Forward

LOOPBACK = "127.0.0.1"
FILTER = "envoy.filters.network.tcp_proxy"


def filter_chain(forward: Forward, proxy: Proxy) -> FilterChain:
    """Envoy refuses two of one name, and two with one SNI."""
    built = FilterChain(
        name="|".join((forward.name, *forward.sni)),
        filters=[Filter(name=FILTER, typed_config=packed(_passed_on(forward, proxy)))],
    )
    if forward.tls:
        built.transport_socket.CopyFrom(tls.downstream(forward.tls, alpn=()))
    built.filter_chain_match.server_names.extend(forward.sni)
    if forward.inspected:
        built.filter_chain_match.transport_protocol = "tls"
    return built


def outlet(proxy: Egress, found: Outlet, forward: Forward) -> Listener:
    """On loopback, for one workload."""
    name = f"outlet|{proxy.name}|{found.host}:{found.port}"
    built = Listener(name=name, filter_chains=[filter_chain(forward, proxy)], stat_prefix="outlet")
    built.address.CopyFrom(socket_address(LOOPBACK, found.listen_port))
    built.enable_reuse_port.value = False
    return built


def _passed_on(forward: Forward, proxy: Proxy) -> TcpProxy:
    built = TcpProxy(stat_prefix=forward.name, access_log=tcp_log.connections(proxy))
    built.access_log_options.flush_access_log_on_connected = True
    if len(forward.choices) == 1:
        built.cluster = forward.choices[0][1].cluster
    else:
        for weight, target in forward.choices:
            built.weighted_clusters.clusters.add(name=target.cluster, weight=weight)
    if forward.idle_timeout is not None:
        built.idle_timeout.CopyFrom(duration(forward.idle_timeout))
    return built
