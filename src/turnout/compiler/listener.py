"""Where requests come in: a gateway's port, or a workload's forward proxy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from envoy.config.core.v3.protocol_pb2 import HttpProtocolOptions
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, ListenerFilter
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.listener.tls_inspector.v3.tls_inspector_pb2 import TlsInspector
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    Rds,
)

from turnout.compiler import access_log, filters, mirror, request_log, tcp, tcp_log, tls, tracing, tunnel, user_log
from turnout.compiler.cluster import ADS
from turnout.compiler.endpoint import socket_address
from turnout.compiler.gateway_port import Entrance
from turnout.compiler.values import duration, packed
from turnout.mesh.proxy import Egress, Ingress, Proxy
from turnout.mesh.tcp_gateway import Forward

LOOPBACK = "127.0.0.1"
_IDLE_TIMEOUT = timedelta(hours=1)


def listener(
    proxy: Proxy, entrances: Sequence[Entrance], sampling_percent: float, forwards: Sequence[Forward] = ()
) -> Listener:
    """On loopback, and alone on its port: sharing one silently would hide another proxy behind ours.

    `entrances` and `forwards`: one filter chain each; `sampling_percent`: of their requests are traced.
    """
    chains = [filter_chain(entrance, sampling_percent) for entrance in entrances]
    chains += [tcp.filter_chain(forward, proxy) for forward in forwards]
    built = Listener(name=proxy.listener, address=socket_address(LOOPBACK, proxy.listen_port), filter_chains=chains)
    built.enable_reuse_port.value = False
    built.stat_prefix = proxy.listener
    built.metadata.CopyFrom(request_log.requests(proxy))
    if any(entrance.tls for entrance in entrances) or any(forward.inspected for forward in forwards):
        built.listener_filters.append(_tls_inspector())
    return built


def filter_chain(entrance: Entrance, sampling_percent: float) -> FilterChain:
    """What one entrance leads to."""
    manager = _manager(entrance, sampling_percent)
    built = FilterChain(filters=[Filter(name=filters.MANAGER, typed_config=packed(manager))])
    if entrance.tls:
        built.name = entrance.table
        built.transport_socket.CopyFrom(tls.downstream(entrance.tls))
    if entrance.sni:
        built.filter_chain_match.server_names.extend(entrance.sni)
    return built


def _tls_inspector() -> ListenerFilter:
    """Reads whom a client asks for, before anything is answered."""
    return ListenerFilter(name="envoy.filters.listener.tls_inspector", typed_config=packed(TlsInspector()))


def _manager(entrance: Entrance, sampling_percent: float) -> HttpConnectionManager:
    proxy = entrance.proxy
    gateway = isinstance(proxy, Ingress)
    built = HttpConnectionManager(
        stat_prefix=proxy.listener,
        rds=Rds(config_source=ADS, route_config_name=entrance.table),
        http_filters=filters.chain(),
        access_log=[access_log.requests(proxy), request_log.logger(), user_log.logger()],
        tracing=tracing.requests(proxy, sampling_percent),
        preserve_external_request_id=not gateway,
        server_header_transformation=HttpConnectionManager.PASS_THROUGH,
        early_header_mutation_extensions=[filters.early_mutation(mirror.HEADER, mirror.COPIED)],
        common_http_protocol_options=HttpProtocolOptions(idle_timeout=duration(_IDLE_TIMEOUT)),
        upgrade_configs=[HttpConnectionManager.UpgradeConfig(upgrade_type="websocket")],
    )
    built.use_remote_address.value = gateway
    built.normalize_path.value = True
    # Streams may be silent for as long as they like: Istio switches Envoy's five minutes off.
    built.stream_idle_timeout.SetInParent()
    if isinstance(proxy, Egress):
        tunnel.allow(built, proxy)
        built.access_log.extend(tcp_log.tunnels(proxy))
    if entrance.tls:
        _tell_of_clients(built)
    return built


def _tell_of_clients(manager: HttpConnectionManager) -> None:
    """Who a client has shown to be goes into `x-forwarded-client-cert`, and what it says of itself there does not."""
    manager.forward_client_cert_details = HttpConnectionManager.SANITIZE_SET
    details = manager.set_current_client_cert_details
    details.subject.value = details.cert = details.uri = details.dns = True
