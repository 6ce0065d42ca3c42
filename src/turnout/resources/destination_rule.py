"""DestinationRule: istio.io/docs/reference/config/networking/destination-rule, every field of the v1 API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from turnout.resources.meta import Metadata
from turnout.resources.virtual_service import PortSelector

TLSMode = Literal["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]


@dataclass(frozen=True, slots=True)
class HTTPCookie:
    name: str = ""
    path: str = ""
    ttl: timedelta | None = None
    attributes: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RingHash:
    minimum_ring_size: int = 0


@dataclass(frozen=True, slots=True)
class MagLev:
    table_size: int | None = None


@dataclass(frozen=True, slots=True)
class ConsistentHash:
    http_header_name: str | None = None
    http_cookie: HTTPCookie | None = None
    use_source_ip: bool | None = None
    http_query_parameter_name: str | None = None
    ring_hash: RingHash | None = None
    maglev: MagLev | None = None
    minimum_ring_size: int = 0

    ONLY_ONE_OF: ClassVar = (
        ("http_header_name", "http_cookie", "use_source_ip", "http_query_parameter_name"),
        ("ring_hash", "maglev"),
    )


@dataclass(frozen=True, slots=True)
class Distribute:
    from_: str = ""
    to: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failover:
    from_: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class LocalityLbSetting:
    distribute: tuple[Distribute, ...] = ()
    failover: tuple[Failover, ...] = ()
    failover_priority: tuple[str, ...] = ()
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class ZoneAwareLbSetting:
    """Envoy's own zone-aware routing; instead of `localityLbSetting`."""

    enabled: bool | None = None
    min_cluster_size: int | None = None
    routing_enabled: Percentage | None = None


@dataclass(frozen=True, slots=True)
class WarmupConfiguration:
    duration: timedelta | None = None
    minimum_percent: float | None = None
    aggression: float | None = None


@dataclass(frozen=True, slots=True)
class LoadBalancerSettings:
    simple: Literal["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"] | None = None
    consistent_hash: ConsistentHash | None = None
    locality_lb_setting: LocalityLbSetting | None = None
    zone_aware_lb_setting: ZoneAwareLbSetting | None = None
    warmup_duration_secs: timedelta | None = None
    warmup: WarmupConfiguration | None = None

    ONLY_ONE_OF: ClassVar = (("simple", "consistent_hash"),)


@dataclass(frozen=True, slots=True)
class TcpKeepalive:
    probes: int = 0
    time: timedelta | None = None
    interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TCPSettings:
    max_connections: int = 0
    connect_timeout: timedelta | None = None
    tcp_keepalive: TcpKeepalive | None = None
    max_connection_duration: timedelta | None = None
    idle_timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class KeepaliveSettings:
    """HTTP/2 PING frames."""

    interval: timedelta | None = None
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class HTTPSettings:
    http1_max_pending_requests: int = 0
    http2_max_requests: int = 0
    max_requests_per_connection: int = 0
    max_retries: int = 0
    idle_timeout: timedelta | None = None
    h2_upgrade_policy: Literal["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"] = "DEFAULT"
    use_client_protocol: bool = False
    max_concurrent_streams: int = 0
    http2_keep_alive: KeepaliveSettings | None = None


@dataclass(frozen=True, slots=True)
class ConnectionPoolSettings:
    tcp: TCPSettings | None = None
    http: HTTPSettings | None = None


@dataclass(frozen=True, slots=True)
class OutlierDetection:
    """0 switches a detector off; None leaves Envoy's default (five 5xx in a row, 10 s, 30 s, 10 %)."""

    consecutive_errors: int = 0
    split_external_local_origin_errors: bool = False
    consecutive_local_origin_failures: int | None = None
    consecutive_gateway_errors: int | None = None
    consecutive_5xx_errors: int | None = None
    interval: timedelta | None = None
    base_ejection_time: timedelta | None = None
    max_ejection_percent: int = 0
    min_health_percent: int = 0


@dataclass(frozen=True, slots=True)
class ClientTLSSettings:
    mode: TLSMode = "DISABLE"
    client_certificate: str = ""
    private_key: str = ""
    ca_certificates: str = ""
    credential_name: str = ""
    subject_alt_names: tuple[str, ...] = ()
    sni: str = ""
    insecure_skip_verify: bool | None = None
    ca_crl: str = ""


@dataclass(frozen=True, slots=True)
class PortTrafficPolicy:
    port: PortSelector | None = None
    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None


@dataclass(frozen=True, slots=True)
class TunnelSettings:
    protocol: str = ""
    target_host: str = ""
    target_port: int = 0


@dataclass(frozen=True, slots=True)
class ProxyProtocol:
    version: Literal["V1", "V2"] = "V1"


@dataclass(frozen=True, slots=True)
class RetryBudget:
    percent: Percentage | None = None
    min_retry_concurrency: int = 0


@dataclass(frozen=True, slots=True)
class Percentage:
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class TrafficPolicy:
    load_balancer: LoadBalancerSettings | None = None
    connection_pool: ConnectionPoolSettings | None = None
    outlier_detection: OutlierDetection | None = None
    tls: ClientTLSSettings | None = None
    port_level_settings: tuple[PortTrafficPolicy, ...] = ()
    tunnel: TunnelSettings | None = None
    proxy_protocol: ProxyProtocol | None = None
    retry_budget: RetryBudget | None = None


@dataclass(frozen=True, slots=True)
class Subset:
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    traffic_policy: TrafficPolicy | None = None


@dataclass(frozen=True, slots=True)
class WorkloadSelector:
    match_labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DestinationRuleSpec:
    host: str = ""
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    export_to: tuple[str, ...] = ()
    workload_selector: WorkloadSelector | None = None


@dataclass(frozen=True, slots=True)
class DestinationRule:
    metadata: Metadata
    spec: DestinationRuleSpec = field(default_factory=DestinationRuleSpec)
