"""Which user met which version of a sticky split: each of its requests as a message to Turnout, with the user's key.

A route says what of its requests is the key, so that a split that begins or ends changes no listener. The key lies in
the request's dynamic metadata: services, spans and `turnout logs` never see it, and Turnout keeps but a hash of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog, AccessLogFilter, MetadataFilter
from envoy.config.core.v3.config_source_pb2 import ApiVersion
from envoy.config.core.v3.grpc_service_pb2 import GrpcService
from envoy.extensions.access_loggers.grpc.v3.als_pb2 import CommonGrpcAccessLogConfig, HttpGrpcAccessLogConfig
from envoy.extensions.filters.http.header_to_metadata.v3.header_to_metadata_pb2 import Config
from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag

from turnout.compiler import sticky
from turnout.compiler.cluster import ADS_CLUSTER
from turnout.compiler.values import NAMESPACE, duration, packed, uint32
from turnout.resources.sticky import ANNOTATION, Sticky, parsed
from turnout.resources.virtual_service import VirtualService

FILTER = "envoy.filters.http.header_to_metadata"
LOG = "users"
"""What the stream of messages calls itself."""
USER = "user"
CLUSTER = "cluster"
NOBODY = " "
"""The key of a request that has none: no header's value begins with a space."""

_FLUSH = timedelta(milliseconds=250)
_BUFFER_BYTES = 64 * 1024
_TAGS = {USER: f"%DYNAMIC_METADATA({NAMESPACE}:{USER})%", CLUSTER: "%UPSTREAM_CLUSTER%"}


def logger() -> AccessLog:
    """Of requests with a key. The same for all listeners, so that they share buffers and streams."""
    known = MetadataMatcher(filter=NAMESPACE, path=[MetadataMatcher.PathSegment(key=USER)])
    known.value.present_match = True
    wanted = MetadataFilter(matcher=known)
    wanted.match_if_key_not_found.value = False
    common = CommonGrpcAccessLogConfig(
        log_name=LOG,
        grpc_service=GrpcService(envoy_grpc=GrpcService.EnvoyGrpc(cluster_name=ADS_CLUSTER)),
        transport_api_version=ApiVersion.V3,
        buffer_flush_interval=duration(_FLUSH),
        buffer_size_bytes=uint32(_BUFFER_BYTES),
        custom_tags=[CustomTag(tag=tag, value=value) for tag, value in _TAGS.items()],
    )
    return AccessLog(
        name="envoy.access_loggers.http_grpc",
        filter=AccessLogFilter(metadata_filter=wanted),
        typed_config=packed(HttpGrpcAccessLogConfig(common_config=common)),
    )


def key(owner: VirtualService | None) -> Config | None:
    """Of the requests of a VirtualService's routes; None: it splits by chance."""
    wanted = parsed(owner.metadata.annotations.get(ANNOTATION, "")) if owner else None
    return Config(request_rules=_rules(wanted)) if wanted else None


def _rules(wanted: Sticky) -> Iterator[Config.Rule]:
    """A later one that applies replaces what an earlier one found."""
    if wanted.by == "cookie":
        yield _rule(Config.Rule(cookie=wanted.name), otherwise=True)
    elif wanted.by == "header":
        yield _rule(Config.Rule(header=wanted.name), otherwise=True)
    else:
        for at, (header, rewrite) in enumerate(reversed([*sticky.REQUEST_HEADERS.items()])):
            yield _rule(Config.Rule(header=header), *rewrite, otherwise=at == 0)


def _rule(built: Config.Rule, regex: str = "", substitution: str = "", *, otherwise: bool) -> Config.Rule:
    found = built.on_header_present
    found.metadata_namespace, found.key = NAMESPACE, USER
    if regex:
        found.regex_value_rewrite.pattern.regex = regex
        found.regex_value_rewrite.substitution = substitution
    if otherwise:
        built.on_header_missing.metadata_namespace = NAMESPACE
        built.on_header_missing.key, built.on_header_missing.value = USER, NOBODY
    return built
