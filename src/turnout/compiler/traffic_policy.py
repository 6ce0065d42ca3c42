"""A DestinationRule's trafficPolicy on a cluster: one function per block, with Istio's defaults."""

from __future__ import annotations

from datetime import timedelta

from envoy.config.cluster.v3.circuit_breaker_pb2 import CircuitBreakers
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.cluster.v3.outlier_detection_pb2 import OutlierDetection as EnvoyOutlierDetection
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.protocol_pb2 import Http2ProtocolOptions
from envoy.extensions.load_balancing_policies.common.v3.common_pb2 import ConsistentHashingLbConfig
from envoy.extensions.load_balancing_policies.maglev.v3.maglev_pb2 import Maglev
from envoy.extensions.load_balancing_policies.ring_hash.v3.ring_hash_pb2 import RingHash
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from turnout.compiler.hash_policy import hash_policy
from turnout.compiler.values import duration, packed, uint32
from turnout.resources.destination_rule import (
    ConsistentHash,
    HTTPSettings,
    LoadBalancerSettings,
    OutlierDetection,
    RetryBudget,
    TCPSettings,
    TrafficPolicy,
    WarmupConfiguration,
)

UNLIMITED = 2**32 - 1
CONNECT_TIMEOUT = timedelta(seconds=10)
_RING_SIZE = 1024


def apply(cluster: Cluster, options: HttpProtocolOptions, policy: TrafficPolicy) -> None:
    """All blocks that shape a cluster."""
    pool = policy.connection_pool
    connection_pool(cluster, options, (pool.tcp if pool else None) or TCPSettings(), pool.http if pool else None)
    load_balancer(cluster, policy.load_balancer or LoadBalancerSettings())
    if policy.outlier_detection:
        outlier_detection(cluster, policy.outlier_detection)
    if policy.retry_budget:
        retry_budget(cluster, policy.retry_budget)


def connection_pool(
    cluster: Cluster, options: HttpProtocolOptions, tcp: TCPSettings, http: HTTPSettings | None
) -> None:
    """Unset or 0 means no limit (4294967295), and 10 s to connect."""
    http = http or HTTPSettings()
    cluster.connect_timeout.CopyFrom(duration(tcp.connect_timeout or CONNECT_TIMEOUT))
    limits = CircuitBreakers.Thresholds(
        max_connections=uint32(tcp.max_connections or UNLIMITED),
        max_pending_requests=uint32(http.http1_max_pending_requests or UNLIMITED),
        max_requests=uint32(http.http2_max_requests or UNLIMITED),
        max_retries=uint32(http.max_retries or UNLIMITED),
        track_remaining=True,
    )
    cluster.circuit_breakers.thresholds.append(limits)
    _keepalive(cluster, tcp)
    _http(options, tcp, http)


def _keepalive(cluster: Cluster, tcp: TCPSettings) -> None:
    if tcp.tcp_keepalive is None:
        return
    keepalive = cluster.upstream_connection_options.tcp_keepalive
    if tcp.tcp_keepalive.probes:
        keepalive.keepalive_probes.value = tcp.tcp_keepalive.probes
    if tcp.tcp_keepalive.time:
        keepalive.keepalive_time.value = int(tcp.tcp_keepalive.time.total_seconds())
    if tcp.tcp_keepalive.interval:
        keepalive.keepalive_interval.value = int(tcp.tcp_keepalive.interval.total_seconds())


def _http(options: HttpProtocolOptions, tcp: TCPSettings, http: HTTPSettings) -> None:
    common = options.common_http_protocol_options
    if http.max_requests_per_connection:
        common.max_requests_per_connection.value = http.max_requests_per_connection
    idle_timeout = http.idle_timeout if http.idle_timeout is not None else tcp.idle_timeout
    if idle_timeout is not None:
        common.idle_timeout.CopyFrom(duration(idle_timeout))
    if tcp.max_connection_duration:
        common.max_connection_duration.CopyFrom(duration(tcp.max_connection_duration))
    if http.h2_upgrade_policy == "UPGRADE":
        options.explicit_http_config.http2_protocol_options.SetInParent()
    elif http.use_client_protocol:
        http2 = options.explicit_http_config.http2_protocol_options
        options.use_downstream_protocol_config.http_protocol_options.SetInParent()
        options.use_downstream_protocol_config.http2_protocol_options.CopyFrom(http2)
    if options.explicit_http_config.HasField("http2_protocol_options"):
        _http2(options.explicit_http_config.http2_protocol_options, http)


def _http2(options: Http2ProtocolOptions, http: HTTPSettings) -> None:
    if http.max_concurrent_streams:
        options.max_concurrent_streams.value = http.max_concurrent_streams
    if http.http2_keep_alive and http.http2_keep_alive.interval and http.http2_keep_alive.timeout:
        options.connection_keepalive.interval.CopyFrom(duration(http.http2_keep_alive.interval))
        options.connection_keepalive.timeout.CopyFrom(duration(http.http2_keep_alive.timeout))


_SIMPLE = {
    "ROUND_ROBIN": Cluster.ROUND_ROBIN,
    "RANDOM": Cluster.RANDOM,
}


def load_balancer(cluster: Cluster, settings: LoadBalancerSettings) -> None:
    """LEAST_REQUEST unless told otherwise; a consistent hash is a ring or Maglev's table."""
    if settings.consistent_hash:
        _consistent_hash(cluster, settings.consistent_hash)
        return
    cluster.lb_policy = _SIMPLE.get(settings.simple or "", Cluster.LEAST_REQUEST)
    warmup = settings.warmup
    if warmup is None and settings.warmup_duration_secs:
        warmup = WarmupConfiguration(settings.warmup_duration_secs)
    if warmup is not None:
        _slow_start(cluster, warmup)


def _consistent_hash(cluster: Cluster, settings: ConsistentHash) -> None:
    policy = hash_policy(settings)
    hashing = ConsistentHashingLbConfig(hash_policy=[policy] if policy else [])
    if settings.maglev:
        maglev = Maglev(consistent_hashing_lb_config=hashing)
        if settings.maglev.table_size:
            maglev.table_size.value = settings.maglev.table_size
        _balance(cluster, "maglev", maglev)
        return
    ring = RingHash(consistent_hashing_lb_config=hashing)
    size = settings.ring_hash.minimum_ring_size if settings.ring_hash else settings.minimum_ring_size
    ring.minimum_ring_size.value = size or _RING_SIZE
    _balance(cluster, "ring_hash", ring)


def _balance(cluster: Cluster, name: str, config: Maglev | RingHash) -> None:
    cluster.lb_policy = Cluster.LOAD_BALANCING_POLICY_CONFIG
    extension = TypedExtensionConfig(name=f"envoy.load_balancing_policies.{name}", typed_config=packed(config))
    cluster.load_balancing_policy.policies.add(typed_extension_config=extension)


def _slow_start(cluster: Cluster, warmup: WarmupConfiguration) -> None:
    if cluster.lb_policy == Cluster.ROUND_ROBIN:
        config = cluster.round_robin_lb_config.slow_start_config
    elif cluster.lb_policy == Cluster.LEAST_REQUEST:
        config = cluster.least_request_lb_config.slow_start_config
    else:
        return
    config.slow_start_window.CopyFrom(duration(warmup.duration or timedelta()))
    config.aggression.default_value = warmup.aggression or 1.0
    config.min_weight_percent.value = warmup.minimum_percent if warmup.minimum_percent is not None else 10.0


def outlier_detection(cluster: Cluster, settings: OutlierDetection) -> None:
    """Envoy's defaults where unset (five 5xx in a row, 10 s, 30 s, 10 %); success rate is never enforced."""
    detection = EnvoyOutlierDetection(enforcing_success_rate=uint32(0))
    detection.split_external_local_origin_errors = settings.split_external_local_origin_errors
    _detectors(detection, settings)
    if settings.interval:
        detection.interval.CopyFrom(duration(settings.interval))
    if settings.base_ejection_time:
        detection.base_ejection_time.CopyFrom(duration(settings.base_ejection_time))
    if settings.max_ejection_percent:
        detection.max_ejection_percent.value = settings.max_ejection_percent
    cluster.common_lb_config.healthy_panic_threshold.value = settings.min_health_percent
    cluster.outlier_detection.CopyFrom(detection)


def _detectors(detection: EnvoyOutlierDetection, settings: OutlierDetection) -> None:
    """A detector that is given is enforced, unless its count is 0."""
    five_xx = settings.consecutive_5xx_errors
    if five_xx is not None:
        detection.enforcing_consecutive_5xx.value = 100 if five_xx else 0
        if five_xx:
            detection.consecutive_5xx.value = five_xx
    gateway = settings.consecutive_gateway_errors
    if gateway is not None:
        detection.enforcing_consecutive_gateway_failure.value = 100 if gateway else 0
        if gateway:
            detection.consecutive_gateway_failure.value = gateway
    if settings.split_external_local_origin_errors:
        detection.enforcing_local_origin_success_rate.value = 0
        if settings.consecutive_local_origin_failures:
            detection.enforcing_consecutive_local_origin_failure.value = 100
            detection.consecutive_local_origin_failure.value = settings.consecutive_local_origin_failures


def retry_budget(cluster: Cluster, settings: RetryBudget) -> None:
    """Instead of `maxRetries`: a share of the active requests. Envoy's defaults where unset: 20 %, at least 3."""
    for limits in cluster.circuit_breakers.thresholds:
        budget = limits.retry_budget
        budget.SetInParent()
        if settings.percent:
            budget.budget_percent.value = settings.percent.value
        if settings.min_retry_concurrency:
            budget.min_retry_concurrency.value = settings.min_retry_concurrency
