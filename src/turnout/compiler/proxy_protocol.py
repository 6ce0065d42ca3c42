"""The PROXY protocol towards endpoints: each connection begins with the address of whose request it is for."""

from __future__ import annotations

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.core.v3.proxy_protocol_pb2 import ProxyProtocolConfig
from envoy.extensions.transport_sockets.proxy_protocol.v3.upstream_proxy_protocol_pb2 import (
    ProxyProtocolUpstreamTransport,
)
from envoy.extensions.transport_sockets.raw_buffer.v3.raw_buffer_pb2 import RawBuffer

from turnout.compiler.values import packed
from turnout.resources.destination_rule import ProxyProtocol

_VERSIONS = {"V1": ProxyProtocolConfig.V1, "V2": ProxyProtocolConfig.V2}


def apply(cluster: Cluster, settings: ProxyProtocol) -> None:
    """In front of TLS, where there is some."""
    inner = TransportSocket(name="envoy.transport_sockets.raw_buffer", typed_config=packed(RawBuffer()))
    if cluster.HasField("transport_socket"):
        inner.CopyFrom(cluster.transport_socket)
    config = ProxyProtocolConfig(version=_VERSIONS[settings.version])
    outer = ProxyProtocolUpstreamTransport(config=config, transport_socket=inner)
    cluster.transport_socket.name = "envoy.transport_sockets.upstream_proxy_protocol"
    cluster.transport_socket.typed_config.CopyFrom(packed(outer))
