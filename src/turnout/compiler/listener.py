"""Where requests come in: a gateway's port, or a workload's forward proxy."""

from __future__ import annotations

from datetime import timedelta

from envoy.config.core.v3.protocol_pb2 import HttpProtocolOptions
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    Rds,
)

from turnout.compiler import access_log, filters, mirror, request_log, tracing, user_log
from turnout.compiler.cluster import ADS
from turnout.compiler.endpoint import socket_address
from turnout.compiler.values import duration, packed
from turnout.mesh.proxy import Ingress, Proxy

LOOPBACK = "127.0.0.1"
_IDLE_TIMEOUT = timedelta(hours=1)


def listener(proxy: Proxy, route_table: str, sampling_percent: float) -> Listener:
    """On loopback, and alone on its port: sharing one silently would hide another proxy behind ours.

    `route_table`: the name of the RouteConfiguration that it serves; `sampling_percent`: of its requests are traced.
    """
    manager = _manager(proxy, route_table, sampling_percent)
    chain = FilterChain(filters=[Filter(name=filters.MANAGER, typed_config=packed(manager))])
    built = Listener(name=proxy.name, address=socket_address(LOOPBACK, proxy.listen_port), filter_chains=[chain])
    built.enable_reuse_port.value = False
    built.stat_prefix = proxy.name
    built.metadata.CopyFrom(request_log.requests(proxy))
    return built


def _manager(proxy: Proxy, route_table: str, sampling_percent: float) -> HttpConnectionManager:
    gateway = isinstance(proxy, Ingress)
    built = HttpConnectionManager(
        stat_prefix=proxy.name,
        rds=Rds(config_source=ADS, route_config_name=route_table),
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
    return built
