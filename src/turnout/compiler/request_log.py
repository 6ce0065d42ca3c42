"""Each request as a message to Turnout, while somebody follows them; else nothing is sent, and next to nothing done.

Over gRPC and not to a file: Envoy keeps at most a buffer of them, and drops what nobody takes. Over Envoy's own access
log service and not OTLP: that one sends each batch as a request of its own, so that a reader who hangs lets them pile
up, by 10 MB a second; on the one stream of this one they wait for him, and what does not fit is dropped.
"""

from __future__ import annotations

from datetime import timedelta

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog, AccessLogFilter, AndFilter, LogTypeFilter, RuntimeFilter
from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.data.accesslog.v3.accesslog_pb2 import AccessLogType
from envoy.extensions.access_loggers.grpc.v3.als_pb2 import CommonGrpcAccessLogConfig, HttpGrpcAccessLogConfig
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag

from turnout.compiler import access_log
from turnout.compiler.cluster import ADS_CLUSTER
from turnout.compiler.endpoint import SERIES
from turnout.compiler.values import NAMESPACE, duration, metadata, packed, uint32
from turnout.mesh.proxy import Proxy

SWITCH = "turnout.access_log"
"""The key in Envoy's runtime that says how many of a hundred requests are logged: 0 unless it is set."""

SOURCE = "source"
MIRRORED = "mirrored"
CLUSTER = "cluster"
DESTINATION = "destination"
ROUTE = "route"
METHOD = "method"
FLAGS = "flags"
TRACE = "trace"
_TAGS = {
    SOURCE: f"%METADATA(LISTENER:{NAMESPACE}:{SOURCE})%",
    MIRRORED: f"%METADATA(LISTENER:{NAMESPACE}:{MIRRORED})%",
    CLUSTER: "%UPSTREAM_CLUSTER%",  # Envoy's own field is empty when nobody answered
    DESTINATION: SERIES,
    ROUTE: "%ROUTE_NAME%",
    METHOD: "%REQ(:METHOD)%",  # Envoy's own field knows only the usual ones
    FLAGS: "%RESPONSE_FLAGS%",  # and that one not the latest
    TRACE: "%TRACE_ID%",
}
"""What Envoy does not say of a request by itself."""

_FLUSH = timedelta(milliseconds=250)
_BUFFER_BYTES = 64 * 1024
"""For each of Envoy's threads."""


def logger() -> AccessLog:
    """The same for all listeners, down to the last byte: Envoy keeps a buffer and a timer for each that differs."""
    common = CommonGrpcAccessLogConfig(
        log_name="turnout",
        grpc_service=GrpcService(envoy_grpc=GrpcService.EnvoyGrpc(cluster_name=ADS_CLUSTER)),
        transport_api_version=ApiVersion.V3,
        buffer_flush_interval=duration(_FLUSH),
        buffer_size_bytes=uint32(_BUFFER_BYTES),
        custom_tags=[CustomTag(tag=tag, value=value) for tag, value in _TAGS.items()],
    )
    return AccessLog(
        name="envoy.access_loggers.http_grpc",
        filter=AccessLogFilter(and_filter=AndFilter(filters=[_wanted(), _ended()])),
        typed_config=packed(HttpGrpcAccessLogConfig(common_config=common)),
    )


def _wanted() -> AccessLogFilter:
    return AccessLogFilter(runtime_filter=RuntimeFilter(runtime_key=SWITCH, use_independent_randomness=True))


def _ended() -> AccessLogFilter:
    """A tunnel is also told of when it is there."""
    begun = [AccessLogType.DownstreamTunnelSuccessfullyEstablished]
    return AccessLogFilter(log_type_filter=LogTypeFilter(types=begun, exclude=True))


def requests(proxy: Proxy) -> Metadata:
    """What a listener is to know for its requests' log: who calls."""
    return metadata({SOURCE: access_log.source(proxy)})


def copies() -> Metadata:
    """Of a mirror's inner listener: nobody knows who calls."""
    return metadata({MIRRORED: "true"})
