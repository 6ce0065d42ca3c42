"""TLS towards a destination, on its cluster. Source of the defaults: Istio's `applyUpstreamTLSSettings`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import CertificateValidationContext, TlsParameters
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, UpstreamTlsContext
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from turnout.compiler.tls import SOCKET, alternative_names, by_name
from turnout.compiler.values import packed
from turnout.mesh.client_tls import ClientTLS, client_tls
from turnout.mesh.credential import Unusable
from turnout.mesh.mesh import Mesh
from turnout.mesh.rule import Target


def apply(cluster: Cluster, options: HttpProtocolOptions, tls: ClientTLS) -> None:
    """Without `sni`, the request's own host is asked for; without `subjectAltNames`, its certificate has to bear it."""
    settings = tls.settings
    http2 = options.explicit_http_config.HasField("http2_protocol_options")
    cluster.transport_socket.CopyFrom(_socket(tls, http2=http2))
    if not settings.sni:
        options.upstream_http_protocol_options.auto_sni = True
        if tls.authority and not settings.subject_alt_names:
            options.upstream_http_protocol_options.auto_san_validation = True


def _socket(tls: ClientTLS, *, http2: bool) -> TransportSocket:
    context = UpstreamTlsContext(common_tls_context=_common(tls), sni=tls.settings.sni)
    if http2:
        context.common_tls_context.alpn_protocols.append("h2")
    return TransportSocket(name=SOCKET, typed_config=packed(context))


def _common(tls: ClientTLS) -> CommonTlsContext:
    # Envoy's own highest is 1.2 here.
    newest = TlsParameters(
        tls_minimum_protocol_version=TlsParameters.TLSv1_2, tls_maximum_protocol_version=TlsParameters.TLSv1_3
    )
    built = CommonTlsContext(tls_params=newest)
    if tls.pair:
        built.tls_certificate_sds_secret_configs.append(by_name(tls.pair.name))
    if tls.authority:
        combined = built.combined_validation_context
        combined.validation_context_sds_secret_config.CopyFrom(by_name(tls.authority.name))
        names = alternative_names(tls.names)
        combined.default_validation_context.CopyFrom(CertificateValidationContext(match_typed_subject_alt_names=names))
    return built


Secured = Mapping[Target, ClientTLS]
"""Destinations that are spoken to in TLS, and how."""


def secured(mesh: Mesh, targets: Iterable[Target]) -> tuple[Secured, list[Target]]:
    """And the destinations that can be called: those whose credentials are missing cannot. Plain text is no choice."""
    callable_ones, secure = [], {}
    for target in targets:
        tls = client_tls(mesh, target.host, target.view, target.port, target.subset)
        if isinstance(tls, ClientTLS):
            secure[target] = tls
        if not isinstance(tls, Unusable):
            callable_ones.append(target)
    return secure, callable_ones
