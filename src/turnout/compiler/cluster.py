"""Services and subsets to Envoy clusters: `outbound|port|subset|host`, one per subset, fed by EDS."""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.config_source_pb2 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy.config.core.v3.protocol_pb2 import Http1ProtocolOptions, Http2ProtocolOptions
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions
from google.protobuf.any_pb2 import Any

from turnout.compiler import traffic_policy
from turnout.compiler.values import metadata, packed
from turnout.mesh import names
from turnout.mesh.mesh import Mesh, http_ports
from turnout.mesh.service import Protocol, ServiceHost, port_protocol
from turnout.resources.core import ServicePort
from turnout.resources.destination_rule import Subset

ADS = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)


def clusters(mesh: Mesh) -> Iterator[Cluster]:
    """For every HTTP port of every service: the service as a whole, then each of its subsets."""
    for host in mesh.services.values():
        policy = mesh.policies[host.host]
        for port in http_ports(host):
            for subset in (None, *policy.subsets):
                yield cluster(mesh, host, port, subset)


def cluster(mesh: Mesh, host: ServiceHost, port: ServicePort, subset: Subset | None) -> Cluster:
    """One cluster with the traffic policy that is in force for it."""
    name = names.cluster(port.port, subset.name if subset else "", host.host)
    policy = mesh.policies[host.host].policy(port.port, subset)
    built = Cluster(
        name=name,
        type=Cluster.EDS,
        eds_cluster_config=Cluster.EdsClusterConfig(eds_config=ADS, service_name=name),
        metadata=metadata({"host": host.host, "subset": subset.name if subset else ""}),
    )
    # A draining endpoint must get nothing new, even when it is the larger part: no panic.
    built.common_lb_config.healthy_panic_threshold.value = 0
    speaks_http2 = port_protocol(port) is Protocol.HTTP2
    options = http_options(http2=speaks_http2)
    traffic_policy.apply(built, options, policy)
    built.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(_packed(options))
    return built


HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def http_options(*, http2: bool) -> HttpProtocolOptions:
    """How the cluster's endpoints are spoken to."""
    explicit = HttpProtocolOptions.ExplicitHttpConfig()
    if http2:
        explicit.http2_protocol_options.CopyFrom(Http2ProtocolOptions())
    else:
        explicit.http_protocol_options.CopyFrom(Http1ProtocolOptions())
    return HttpProtocolOptions(explicit_http_config=explicit)


def _packed(options: HttpProtocolOptions) -> Any:
    return packed(options)
