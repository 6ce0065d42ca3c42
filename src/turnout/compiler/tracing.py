"""Spans: which requests are traced, what is said of each, and where Envoy hands them in.

Zipkin's tracer, because it continues both W3C's and B3's contexts (docs/decisions). What Envoy says of a span by itself
(method, URL, status, flags, cluster) is not repeated here.
"""

from __future__ import annotations

from envoy.config.trace.v3.http_tracer_pb2 import Tracing
from envoy.config.trace.v3.zipkin_pb2 import ZipkinConfig
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag

from turnout.compiler import access_log
from turnout.compiler.endpoint import SERIES
from turnout.compiler.values import packed
from turnout.mesh.proxy import Proxy

SPANS_CLUSTER = "turnout-spans"
SPANS_PATH = "/api/v2/spans"

SOURCE = "turnout.source"
DESTINATION = "turnout.destination"
ROUTE = "turnout.route"
UPSTREAM = "turnout.upstream"
MIRRORED = "turnout.mirrored"

DEFAULT_SAMPLING_PERCENT = 1.0
"""Istio's."""


def requests(proxy: Proxy, sampling_percent: float) -> HttpConnectionManager.Tracing:
    """Of requests whose caller has not decided, `sampling_percent` are traced (to a hundredth); else as it said."""
    built = _tracing(CustomTag(tag=SOURCE, literal=CustomTag.Literal(value=access_log.source(proxy))))
    built.random_sampling.value = sampling_percent
    return built


def copies() -> HttpConnectionManager.Tracing:
    """A copy is traced when the request is that it was made of, and never for itself."""
    built = _tracing(CustomTag(tag=MIRRORED, literal=CustomTag.Literal(value="true")))
    built.random_sampling.value = 0.0
    return built


def _tracing(who: CustomTag) -> HttpConnectionManager.Tracing:
    return HttpConnectionManager.Tracing(
        provider=_provider(),
        custom_tags=[
            who,
            CustomTag(tag=DESTINATION, value=SERIES),
            CustomTag(tag=ROUTE, value="%ROUTE_NAME%"),
            CustomTag(tag=UPSTREAM, value="%UPSTREAM_HOST%"),
        ],
    )


def _provider() -> Tracing.Http:
    """The same for all listeners: Envoy then has one tracer for them all.

    As protobuf: written as JSON, which is the default, a span costs Envoy twenty times as much.
    """
    config = ZipkinConfig(
        collector_cluster=SPANS_CLUSTER,
        collector_endpoint=SPANS_PATH,
        collector_endpoint_version=ZipkinConfig.HTTP_PROTO,
        trace_id_128bit=True,
        trace_context_option=ZipkinConfig.USE_B3_WITH_W3C_PROPAGATION,
    )
    config.shared_span_context.value = False  # each hop is a span of its own, and the caller's is its parent
    return Tracing.Http(name="envoy.tracers.zipkin", typed_config=packed(config))
