"""What Envoy is started with: where its control plane is, and bounds. Everything else arrives over ADS."""

from __future__ import annotations

from pathlib import Path

from envoy.config.bootstrap.v3.bootstrap_pb2 import Admin, Bootstrap, LayeredRuntime, RuntimeLayer
from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.address_pb2 import Address, Pipe
from envoy.config.core.v3.backoff_pb2 import BackoffStrategy
from envoy.config.core.v3.base_pb2 import Node, RetryPolicy
from envoy.config.core.v3.config_source_pb2 import AggregatedConfigSource, ApiConfigSource, ApiVersion, ConfigSource
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.overload.v3.overload_pb2 import OverloadManager, ResourceMonitor
from envoy.extensions.bootstrap.internal_listener.v3.internal_listener_pb2 import InternalListener
from envoy.extensions.resource_monitors.downstream_connections.v3.downstream_connections_pb2 import (
    DownstreamConnectionsConfig,
)
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import UInt32Value

from turnout.compiler.cluster import ADS_CLUSTER
from turnout.compiler.tracing import SPANS_CLUSTER
from turnout.xds.address import socket_path

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
RECONNECT_BASE = Duration(nanos=50_000_000)
RECONNECT_MAX = Duration(nanos=250_000_000)
"""Envoy's own back-off grows to 30 s: a restarted control plane would wait that long to be heard."""
OWNER_ONLY = 0o600
SPANS_SOCKET = "spans.sock"
"""In the runtime folder: where Envoy hands in its spans. Nobody may be there, and then they are dropped."""
SPANS_AT_ONCE = 100
SPANS_WAIT_MS = 500
MOST_HANDED_IN = 64
"""Deliveries under way, over all workers: what a receiver that hangs may take of Envoy's memory."""


def bootstrap(*, node: str, ads_socket: Path, admin_socket: Path, spans_socket: Path, max_connections: int) -> str:
    """The bootstrap as JSON. `max_connections` bounds all clients' connections together. Raises EnvoyFailed."""
    message = Bootstrap(
        node=Node(id=node, cluster="turnout"),
        admin=_admin(admin_socket),
        dynamic_resources=_dynamic_resources(),
        layered_runtime=_runtime(),
        overload_manager=_overload_manager(max_connections),
        stats_flush_on_admin=True,  # histograms are current at every scrape
        bootstrap_extensions=[_extension("envoy.bootstrap.internal_listener", InternalListener())],
    )
    message.static_resources.clusters.extend([_ads_cluster(ads_socket), _spans_cluster(spans_socket)])
    return MessageToJson(message, sort_keys=True)  # the same text in every run: by it an Envoy is known as ours


def _admin(socket: Path) -> Admin:
    """Answers also when clients have used up every connection."""
    pipe = Pipe(path=socket_path(socket), mode=OWNER_ONLY)
    return Admin(address=Address(pipe=pipe), ignore_global_conn_limit=True)


def _dynamic_resources() -> Bootstrap.DynamicResources:
    back_off = BackoffStrategy(base_interval=RECONNECT_BASE, max_interval=RECONNECT_MAX)
    service = GrpcService(
        envoy_grpc=GrpcService.EnvoyGrpc(cluster_name=ADS_CLUSTER, retry_policy=RetryPolicy(retry_back_off=back_off))
    )
    stream = ApiConfigSource(
        api_type=ApiConfigSource.DELTA_GRPC,
        transport_api_version=ApiVersion.V3,
        grpc_services=[service],
        set_node_on_first_message_only=True,
    )
    over_ads = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
    return Bootstrap.DynamicResources(ads_config=stream, cds_config=over_ads, lds_config=over_ads)


def _runtime() -> LayeredRuntime:
    values = Struct()
    values.update(
        {
            "re2.max_program_size.error_level": 32768,  # as Istio; Envoy's own 100 refuses everyday expressions
            "tracing.zipkin.min_flush_spans": SPANS_AT_ONCE,
            "tracing.zipkin.flush_interval_ms": SPANS_WAIT_MS,
        }
    )
    return LayeredRuntime(
        layers=[
            RuntimeLayer(name="turnout", static_layer=values),
            RuntimeLayer(name="admin", admin_layer=RuntimeLayer.AdminLayer()),
        ]
    )


def _overload_manager(max_connections: int) -> OverloadManager:
    bound = DownstreamConnectionsConfig(max_active_downstream_connections=max_connections)
    monitor = "envoy.resource_monitors.global_downstream_max_connections"
    return OverloadManager(resource_monitors=[ResourceMonitor(name=monitor, typed_config=_any(bound))])


def _ads_cluster(socket: Path) -> Cluster:
    http2 = HttpProtocolOptions.ExplicitHttpConfig(http2_protocol_options=Http2ProtocolOptions())
    cluster = _cluster(ADS_CLUSTER, socket)
    cluster.typed_extension_protocol_options[HTTP_OPTIONS].Pack(HttpProtocolOptions(explicit_http_config=http2))
    return cluster


def _spans_cluster(socket: Path) -> Cluster:
    most = UInt32Value(value=MOST_HANDED_IN)
    cluster = _cluster(SPANS_CLUSTER, socket)
    cluster.circuit_breakers.thresholds.append(
        CircuitBreakers.Thresholds(max_connections=most, max_pending_requests=most, max_requests=most)
    )
    return cluster


def _cluster(name: str, socket: Path) -> Cluster:
    endpoint = LbEndpoint(endpoint=Endpoint(address=Address(pipe=Pipe(path=socket_path(socket)))))
    return Cluster(
        name=name,
        type=Cluster.STATIC,
        connect_timeout=Duration(seconds=1),
        load_assignment=ClusterLoadAssignment(
            cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=[endpoint])]
        ),
    )


def _extension(name: str, message: Message) -> TypedExtensionConfig:
    return TypedExtensionConfig(name=name, typed_config=_any(message))


def _any(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
