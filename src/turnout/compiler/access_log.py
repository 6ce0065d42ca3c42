"""Istio's request metrics, counted by Envoy itself: an access logger that emits counters and histograms.

All labels of a series are one tag. Envoy looks every tag's name and value up anew for each request and stat: ten tags
cost it 23 % more instructions per request than it needs without metrics (outside the kernel), one costs 7 %.
"""

from __future__ import annotations

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.extensions.access_loggers.stats.v3.stats_pb2 import Config

from turnout.compiler import tunnel
from turnout.compiler.endpoint import SERIES
from turnout.compiler.values import packed
from turnout.mesh.proxy import GATEWAY_NAMESPACE, GATEWAY_WORKLOAD, Egress, Proxy
from turnout.mesh.service import canonical_name, revision

REQUESTS = "istio_requests_total"
DURATION = "istio_request_duration_us"
REQUEST_SIZE = "istio_request_bytes"
RESPONSE_SIZE = "istio_response_bytes"
MIRRORED = "turnout_mirrored"
"""What the names of copies begin with, in place of `istio`."""

TAG = "series"
_ANSWER = "%RESPONSE_CODE%;%RESPONSE_FLAGS%;%GRPC_STATUS_NUMBER%"
# The cluster is known also when no endpoint was: it names the service and the subset.
_DESTINATION = f"%UPSTREAM_CLUSTER%;{SERIES}"
_ROUTE = "%ROUTE_NAME%"
"""Last, because a user may call a route whatever he likes."""


def requests(proxy: Proxy) -> AccessLog:
    """What users got through one proxy: the caller's side of each request."""
    logger = _logger("istio", f"{source(proxy)};{_ANSWER};{_DESTINATION};{_ROUTE}")
    if isinstance(proxy, Egress):
        logger.filter.CopyFrom(tunnel.others())
    return logger


def copies() -> AccessLog:
    """What mirrored copies got, under names of their own."""
    return _logger(MIRRORED, f";;;;{_ANSWER};{_DESTINATION};")


def source(proxy: Proxy) -> str:
    """Workload, namespace, canonical service and canonical revision."""
    if isinstance(proxy, Egress):
        service = canonical_name(proxy.labels, proxy.workload)
        return f"{proxy.workload};{proxy.namespace};{service};{revision(proxy.labels)}"
    return f"{GATEWAY_WORKLOAD};{GATEWAY_NAMESPACE};{GATEWAY_WORKLOAD};latest"


def _logger(prefix: str, series: str) -> AccessLog:
    config = Config(stat_prefix="turnout")
    config.counters.add(stat=_stat(REQUESTS, prefix, series)).value_fixed.value = 1
    # On the wire, with headers, as Istio counts them; the bodies alone would be %BYTES_RECEIVED%.
    sizes = ((REQUEST_SIZE, "%DOWNSTREAM_WIRE_BYTES_RECEIVED%"), (RESPONSE_SIZE, "%DOWNSTREAM_WIRE_BYTES_SENT%"))
    for name, value in sizes:
        config.histograms.add(stat=_stat(name, prefix, series), unit=Config.Histogram.Bytes, value_format=value)
    config.histograms.add(
        stat=_stat(DURATION, prefix, series),
        unit=Config.Histogram.Microseconds,
        value_format="%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    )
    return AccessLog(name="envoy.access_loggers.stats", typed_config=packed(config))


def _stat(name: str, prefix: str, series: str) -> Config.Stat:
    tags = [Config.Tag(name=TAG, value_format=series)]
    return Config.Stat(name=name.replace("istio", prefix, 1), tags=tags)
