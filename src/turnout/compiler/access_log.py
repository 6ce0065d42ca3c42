"""Istio's request metrics, counted by Envoy itself: an access logger that emits counters and histograms."""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.extensions.access_loggers.stats.v3.stats_pb2 import Config

from turnout.compiler.values import NAMESPACE, packed
from turnout.mesh.proxy import GATEWAY_NAMESPACE, GATEWAY_WORKLOAD, Egress, Proxy

REQUESTS = "istio_requests_total"
DURATION = "istio_request_duration_us"
COPIES = "turnout_mirrored_requests_total"
COPY_DURATION = "turnout_mirrored_request_duration_us"

_DESTINATION = {
    "upstream_cluster": "%UPSTREAM_CLUSTER%",  # known also when no endpoint was: it names the service and the subset
    "destination_workload": f"%UPSTREAM_METADATA({NAMESPACE}:workload)%",
    "destination_workload_namespace": f"%UPSTREAM_METADATA({NAMESPACE}:namespace)%",
    "destination_version": f"%UPSTREAM_METADATA({NAMESPACE}:version)%",
    "destination_subset": f"%UPSTREAM_METADATA({NAMESPACE}:subset)%",
}
_ANSWER = {"response_code": "%RESPONSE_CODE%", "response_flags": "%RESPONSE_FLAGS%"}
_ROUTE = {"route": f"%METADATA(ROUTE:{NAMESPACE}:route)%"}


def requests(proxy: Proxy) -> AccessLog:
    """What users got through one proxy: the caller's side of each request."""
    source = _source(proxy)
    return _logger(REQUESTS, DURATION, source | _DESTINATION | _ROUTE | _ANSWER)


def copies() -> AccessLog:
    """What mirrored copies got, under names of their own."""
    return _logger(COPIES, COPY_DURATION, _DESTINATION | _ANSWER)


def _source(proxy: Proxy) -> dict[str, str]:
    workload, namespace = GATEWAY_WORKLOAD, GATEWAY_NAMESPACE
    if isinstance(proxy, Egress):
        workload, namespace = proxy.workload, proxy.namespace
    return {"source_workload": workload, "source_workload_namespace": namespace}


def _logger(counter: str, histogram: str, tags: Mapping[str, str]) -> AccessLog:
    config = Config(stat_prefix="turnout")
    config.counters.add(stat=_stat(counter, tags)).value_fixed.value = 1
    config.histograms.add(
        stat=_stat(histogram, tags),
        unit=Config.Histogram.Microseconds,
        value_format="%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    )
    return AccessLog(name="envoy.access_loggers.stats", typed_config=packed(config))


def _stat(name: str, tags: Mapping[str, str]) -> Config.Stat:
    return Config.Stat(name=name, tags=[Config.Tag(name=tag, value_format=value) for tag, value in tags.items()])
