"""How a cluster finds its endpoints: told by us, asked of DNS, or taken from what each request asks for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.config_source_pb2 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.extensions.clusters.dynamic_forward_proxy.v3.cluster_pb2 import ClusterConfig
from envoy.extensions.common.dynamic_forward_proxy.v3.dns_cache_pb2 import DnsCacheConfig

from turnout.compiler.values import duration, packed, uint32

ADS = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
STATIC = "STATIC"
_DNS = ("DNS", "DNS_ROUND_ROBIN")
_REFRESH = timedelta(seconds=60)
"""Istio's, where the answer does not say how long it holds."""
_MOST_NAMES = 1024
"""That a cluster without endpoints remembers."""


def resolve(cluster: Cluster, resolution: str, written: Iterable[ClusterLoadAssignment]) -> None:
    """`resolution`: a ServiceEntry's word; `written`: the cluster's endpoints, which are only looked at for DNS."""
    if resolution == STATIC:
        cluster.type = Cluster.EDS
        cluster.eds_cluster_config.CopyFrom(Cluster.EdsClusterConfig(eds_config=ADS, service_name=cluster.name))
    elif resolution in _DNS:
        for assignment in written:
            cluster.load_assignment.CopyFrom(assignment)
        # The other type wants exactly one endpoint, and a subset may have none.
        alone = sum(len(group.lb_endpoints) for group in cluster.load_assignment.endpoints) == 1
        cluster.type = Cluster.LOGICAL_DNS if resolution == "DNS_ROUND_ROBIN" and alone else Cluster.STRICT_DNS
        _ask_dns(cluster)
    else:
        _as_asked(cluster)


def resolve_as(known: Cluster, cluster: Cluster) -> None:
    """As another cluster does, whose endpoints it shares."""
    if known.HasField("cluster_type"):
        cluster.cluster_type.CopyFrom(known.cluster_type)
        cluster.lb_policy = Cluster.CLUSTER_PROVIDED
        return
    cluster.type = known.type
    if known.type == Cluster.EDS:
        cluster.eds_cluster_config.CopyFrom(known.eds_cluster_config)
        return
    cluster.load_assignment.CopyFrom(known.load_assignment)
    _ask_dns(cluster)


def _ask_dns(cluster: Cluster) -> None:
    cluster.dns_lookup_family = Cluster.V4_PREFERRED
    cluster.respect_dns_ttl = True
    cluster.dns_refresh_rate.CopyFrom(duration(_REFRESH))


def _as_asked(cluster: Cluster) -> None:
    """The host that the request is for: a forward proxy knows it, where Istio would know the connection's address."""
    cache = DnsCacheConfig(name="turnout", dns_lookup_family=Cluster.V4_PREFERRED, max_hosts=uint32(_MOST_NAMES))
    cluster.cluster_type.name = "envoy.clusters.dynamic_forward_proxy"
    config = ClusterConfig(dns_cache_config=cache, allow_insecure_cluster_options=True)  # TLS is the policy's part
    cluster.cluster_type.typed_config.CopyFrom(packed(config))
