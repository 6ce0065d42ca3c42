"""Istio's metrics of connections: opened, closed, and the bytes that went through, counted by Envoy itself.

One that could not be passed on is opened and closed at once. Bytes are counted when a connection ends.
"""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.accesslog.v3.accesslog_pb2 import (
    AccessLog,
    AccessLogFilter,
    AndFilter,
    HeaderFilter,
    LogTypeFilter,
    ResponseFlagFilter,
)
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.data.accesslog.v3.accesslog_pb2 import AccessLogType
from envoy.extensions.access_loggers.stats.v3.stats_pb2 import Config
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from turnout.compiler.access_log import TAG, source
from turnout.compiler.endpoint import SERIES
from turnout.compiler.values import packed
from turnout.mesh.proxy import Proxy

OPENED = "istio_tcp_connections_opened_total"
CLOSED = "istio_tcp_connections_closed_total"
RECEIVED = "istio_tcp_received_bytes_total"
SENT = "istio_tcp_sent_bytes_total"
_ENDED = {CLOSED: "", RECEIVED: "%BYTES_RECEIVED%", SENT: "%BYTES_SENT%"}
_NOT_PASSED_ON = ("UF", "UH", "UO", "NC", "NR", "URX")


def connections(proxy: Proxy) -> list[AccessLog]:
    """Of a proxy of connections."""
    return [
        _logger(proxy, {OPENED: ""}, _of(AccessLogType.TcpUpstreamConnected)),
        _logger(proxy, {OPENED: ""}, _both(_of(AccessLogType.TcpConnectionEnd), _not_passed_on())),
        _logger(proxy, _ENDED, _of(AccessLogType.TcpConnectionEnd)),
    ]


def tunnels(proxy: Proxy) -> list[AccessLog]:
    """Of what a proxy of requests passes on unread. A tunnel to the proxy itself is left out by whoever reads this."""
    ended = _both(_connect(), _of(AccessLogType.DownstreamEnd))
    return [
        _logger(proxy, {OPENED: ""}, _of(AccessLogType.DownstreamTunnelSuccessfullyEstablished)),
        _logger(proxy, {OPENED: ""}, _both(ended, _not_passed_on())),
        _logger(proxy, _ENDED, ended),
    ]


def _logger(proxy: Proxy, counted: Mapping[str, str], when: AccessLogFilter) -> AccessLog:
    """`counted`: by name, what is added; empty: one."""
    series = f"{source(proxy)};0;%RESPONSE_FLAGS%;-;%UPSTREAM_CLUSTER%;{SERIES};-"
    config = Config(stat_prefix="turnout")
    for name, value in counted.items():
        counter = config.counters.add(stat=Config.Stat(name=name, tags=[Config.Tag(name=TAG, value_format=series)]))
        if value:
            counter.value_format = value
        else:
            counter.value_fixed.value = 1
    return AccessLog(name="envoy.access_loggers.stats", filter=when, typed_config=packed(config))


def _of(kind: AccessLogType.ValueType) -> AccessLogFilter:
    return AccessLogFilter(log_type_filter=LogTypeFilter(types=[kind]))


def _connect() -> AccessLogFilter:
    method = HeaderMatcher(name=":method", string_match=StringMatcher(exact="CONNECT"))
    return AccessLogFilter(header_filter=HeaderFilter(header=method))


def _not_passed_on() -> AccessLogFilter:
    return AccessLogFilter(response_flag_filter=ResponseFlagFilter(flags=_NOT_PASSED_ON))


def _both(*filters: AccessLogFilter) -> AccessLogFilter:
    return AccessLogFilter(and_filter=AndFilter(filters=filters))
