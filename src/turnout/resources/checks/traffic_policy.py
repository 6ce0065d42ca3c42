"""What a DestinationRule's policy may say: connection pool, outlier detection, TLS, tunnel."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from turnout.resources.checks.load_balancer import check_load_balancer
from turnout.resources.checks.value import check_duration, check_not_negative, check_percent, check_port
from turnout.resources.destination_rule import (
    ClientTLSSettings,
    ConnectionPoolSettings,
    HTTPSettings,
    OutlierDetection,
    PortTrafficPolicy,
    TCPSettings,
    TrafficPolicy,
    TunnelSettings,
)
from turnout.resources.finding import Findings
from turnout.resources.host import fqdn_fault, is_ip
from turnout.resources.layout import Path
from turnout.resources.spelling import shown

_CONFIG_MAP = "configmap://"


def check_traffic_policy(policy: TrafficPolicy, namespace: str, at: Path, findings: Findings) -> None:
    if _is_empty(policy):
        findings.add("TNO140", at, "the traffic policy is empty", "set at least one field, or leave it out")
    _check_blocks(policy, namespace, at, findings)
    for number, port_policy in enumerate(policy.port_level_settings):
        here: Path = (*at, "portLevelSettings", number)
        if port_policy.port is None:
            findings.add("TNO104", here, "the port is missing", "write `port: {number: …}`")
        if _is_empty(port_policy, "port"):
            findings.add("TNO140", here, "the policy of this port is empty", "set at least one field, or leave it out")
        _check_blocks(port_policy, namespace, here, findings)
    if policy.tunnel is not None:
        _check_tunnel(policy.tunnel, (*at, "tunnel"), findings)
        if policy.proxy_protocol is not None:
            findings.add("TNO151", (*at, "proxyProtocol"), "a policy cannot have both `tunnel` and `proxyProtocol`")
    if policy.retry_budget is not None and policy.retry_budget.percent is not None:
        check_percent(policy.retry_budget.percent.value, (*at, "retryBudget", "percent", "value"), findings)


def _is_empty(policy: Any, *ignored: str) -> bool:
    return all(getattr(policy, f.name) in (None, ()) for f in fields(policy) if f.name not in ignored)


def _check_blocks(policy: TrafficPolicy | PortTrafficPolicy, namespace: str, at: Path, findings: Findings) -> None:
    if policy.outlier_detection is not None:
        _check_outliers(policy.outlier_detection, (*at, "outlierDetection"), findings)
    if policy.connection_pool is not None:
        _check_pool(policy.connection_pool, (*at, "connectionPool"), findings)
    if policy.load_balancer is not None:
        has_outliers = policy.outlier_detection is not None
        check_load_balancer(policy.load_balancer, (*at, "loadBalancer"), findings, has_outliers=has_outliers)
    if policy.tls is not None:
        _check_tls(policy.tls, namespace, (*at, "tls"), findings)


def _check_outliers(outliers: OutlierDetection, at: Path, findings: Findings) -> None:
    check_duration(outliers.interval, (*at, "interval"), findings)
    check_duration(outliers.base_ejection_time, (*at, "baseEjectionTime"), findings)
    check_percent(outliers.max_ejection_percent, (*at, "maxEjectionPercent"), findings)
    check_percent(outliers.min_health_percent, (*at, "minHealthPercent"), findings)
    if outliers.consecutive_errors:
        hint = "use consecutiveGatewayErrors or consecutive5xxErrors"
        findings.add("TNO131", (*at, "consecutiveErrors"), "consecutiveErrors is deprecated", hint)
    if outliers.consecutive_local_origin_failures and not outliers.split_external_local_origin_errors:
        message = "consecutiveLocalOriginFailures counts only with splitExternalLocalOriginErrors"
        hint = "set `splitExternalLocalOriginErrors: true`"
        findings.add("TNO146", (*at, "consecutiveLocalOriginFailures"), message, hint)


def _check_pool(pool: ConnectionPoolSettings, at: Path, findings: Findings) -> None:
    if pool.http is None and pool.tcp is None:
        findings.add("TNO140", at, "the connection pool is empty", "set `tcp` or `http`, or leave it out")
    if pool.http is not None:
        _check_http_pool(pool.http, (*at, "http"), findings)
    if pool.tcp is not None:
        _check_tcp_pool(pool.tcp, (*at, "tcp"), findings)


def _check_http_pool(http: HTTPSettings, at: Path, findings: Findings) -> None:
    for name, value in (
        ("http1MaxPendingRequests", http.http1_max_pending_requests),
        ("http2MaxRequests", http.http2_max_requests),
        ("maxRequestsPerConnection", http.max_requests_per_connection),
        ("maxRetries", http.max_retries),
        ("maxConcurrentStreams", http.max_concurrent_streams),
    ):
        check_not_negative(value, (*at, name), findings)
    check_duration(http.idle_timeout, (*at, "idleTimeout"), findings)
    if http.h2_upgrade_policy == "UPGRADE" and http.use_client_protocol:
        message = "useClientProtocol contradicts `h2UpgradePolicy: UPGRADE`"
        findings.add("TNO145", (*at, "useClientProtocol"), message, "keep one of the two")
    keep_alive = http.http2_keep_alive
    if keep_alive is not None:
        for name, duration in (("interval", keep_alive.interval), ("timeout", keep_alive.timeout)):
            check_duration(duration, (*at, "http2KeepAlive", name), findings)
            if duration is None:
                findings.add("TNO145", (*at, "http2KeepAlive"), f"http2KeepAlive needs `{name}`")


def _check_tcp_pool(tcp: TCPSettings, at: Path, findings: Findings) -> None:
    check_not_negative(tcp.max_connections, (*at, "maxConnections"), findings)
    check_duration(tcp.connect_timeout, (*at, "connectTimeout"), findings)
    check_duration(tcp.max_connection_duration, (*at, "maxConnectionDuration"), findings)
    if tcp.idle_timeout:  # 0s switches it off
        check_duration(tcp.idle_timeout, (*at, "idleTimeout"), findings)
    if tcp.tcp_keepalive is not None:
        check_duration(tcp.tcp_keepalive.time, (*at, "tcpKeepalive", "time"), findings)
        check_duration(tcp.tcp_keepalive.interval, (*at, "tcpKeepalive", "interval"), findings)


def _check_tls(tls: ClientTLSSettings, namespace: str, at: Path, findings: Findings) -> None:
    if tls.credential_name.startswith(_CONFIG_MAP):
        _check_config_map(tls.credential_name, namespace, (*at, "credentialName"), findings)
    if tls.mode not in ("SIMPLE", "MUTUAL"):
        return
    if tls.insecure_skip_verify:
        _check_unverified(tls, at, findings)
    files = (tls.client_certificate, tls.private_key, tls.ca_certificates, tls.ca_crl)
    if tls.credential_name:
        if any(files):
            message = "certificates come from `credentialName` or from files, not from both"
            findings.add("TNO147", (*at, "credentialName"), message)
    elif tls.mode == "MUTUAL":
        for name, value in (("clientCertificate", tls.client_certificate), ("privateKey", tls.private_key)):
            if not value:
                findings.add("TNO147", at, f"mode MUTUAL needs `{name}`", "or name a Secret with `credentialName`")


def _check_unverified(tls: ClientTLSSettings, at: Path, findings: Findings) -> None:
    verifying = {"caCertificates": tls.ca_certificates, "subjectAltNames": tls.subject_alt_names}
    if tls.mode == "SIMPLE":  # with MUTUAL the credential may hold the client's certificate only
        verifying["credentialName"] = tls.credential_name
    for name, value in verifying.items():
        if value:
            message = f"`{name}` has no meaning with `insecureSkipVerify: true`"
            findings.add("TNO147", (*at, name), message, "remove one of the two")


def _check_config_map(name: str, namespace: str, at: Path, findings: Findings) -> None:
    owner, slash, _ = name.removeprefix(_CONFIG_MAP).partition("/")
    if slash and namespace and owner != namespace:
        findings.add("TNO147", at, f"{shown(name)}: a ConfigMap of another namespace cannot be used")


def _check_tunnel(tunnel: TunnelSettings, at: Path, findings: Findings) -> None:
    if tunnel.protocol not in ("", "CONNECT", "POST"):
        findings.add("TNO151", (*at, "protocol"), f"{shown(tunnel.protocol)} is neither CONNECT nor POST")
    fault = fqdn_fault(tunnel.target_host)
    if fault and not is_ip(tunnel.target_host):
        findings.add("TNO103", (*at, "targetHost"), fault)
    check_port(tunnel.target_port, (*at, "targetPort"), findings)
