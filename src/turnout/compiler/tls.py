"""TLS at both ends: what a gateway shows its clients. Keys travel as secrets of their own, by name.

So a certificate that is renewed changes nothing but itself: no listener drains, no connection ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envoy.config.core.v3.base_pb2 import DataSource, TransportSocket
from envoy.config.core.v3.config_source_pb2 import AggregatedConfigSource, ApiVersion, ConfigSource
from envoy.extensions.transport_sockets.tls.v3.common_pb2 import (
    CertificateValidationContext,
    SubjectAltNameMatcher,
    TlsCertificate,
    TlsParameters,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig, Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import CommonTlsContext, DownstreamTlsContext
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from turnout.compiler.values import packed
from turnout.mesh.credential import Authority, KeyPair
from turnout.mesh.server_tls import ServerTLS
from turnout.resources.cipher_suite import accepted
from turnout.resources.gateway import ServerTLSSettings
from turnout.resources.host import is_ip

SOCKET = "envoy.transport_sockets.tls"
_ADS = ConfigSource(ads=AggregatedConfigSource(), resource_api_version=ApiVersion.V3)
HTTP = ("h2", "http/1.1")
"""What is offered by ALPN, the best first."""


def downstream(tls: ServerTLS, alpn: Iterable[str] = HTTP) -> TransportSocket:
    """The gateway's end. `alpn`: what is spoken inside."""
    context = DownstreamTlsContext(common_tls_context=_common(tls, alpn))
    context.require_client_certificate.value = tls.settings.mode == "MUTUAL"
    return TransportSocket(name=SOCKET, typed_config=packed(context))


def _common(tls: ServerTLS, alpn: Iterable[str]) -> CommonTlsContext:
    built = CommonTlsContext(
        alpn_protocols=list(alpn),
        tls_certificate_sds_secret_configs=[by_name(pair.name) for pair in tls.pairs],
    )
    if parameters := _parameters(tls.settings):
        built.tls_params.CopyFrom(parameters)
    if tls.authority:
        combined = built.combined_validation_context
        combined.validation_context_sds_secret_config.CopyFrom(by_name(tls.authority.name))
        combined.default_validation_context.CopyFrom(_demands(tls.settings))
    return built


def by_name(name: str) -> SdsSecretConfig:
    """Envoy asks for it where it asks for everything."""
    return SdsSecretConfig(name=name, sds_config=_ADS)


def _parameters(settings: ServerTLSSettings) -> TlsParameters | None:
    """TLS 1.2 and 1.3 unless set."""
    built = TlsParameters(
        tls_minimum_protocol_version=_VERSIONS[settings.min_protocol_version],
        tls_maximum_protocol_version=_VERSIONS[settings.max_protocol_version],
        cipher_suites=accepted(settings.cipher_suites),
    )
    return built if built.ByteSize() else None


_VERSIONS = {
    "TLS_AUTO": TlsParameters.TLS_AUTO,
    "TLSV1_0": TlsParameters.TLSv1_0,
    "TLSV1_1": TlsParameters.TLSv1_1,
    "TLSV1_2": TlsParameters.TLSv1_2,
    "TLSV1_3": TlsParameters.TLSv1_3,
}


def _demands(settings: ServerTLSSettings) -> CertificateValidationContext:
    """What a client's certificate has to be, besides signed by somebody who is believed."""
    return CertificateValidationContext(
        verify_certificate_spki=settings.verify_certificate_spki,
        verify_certificate_hash=settings.verify_certificate_hash,
        match_typed_subject_alt_names=alternative_names(settings.subject_alt_names),
    )


def alternative_names(wanted: Iterable[str]) -> list[SubjectAltNameMatcher]:
    """One of them has to be in the certificate, as what it looks like: a URI, an address, or a host."""
    return [SubjectAltNameMatcher(san_type=_kind(name), matcher=StringMatcher(exact=name)) for name in wanted]


def _kind(name: str) -> SubjectAltNameMatcher.SanType.ValueType:
    if "://" in name:
        return SubjectAltNameMatcher.URI
    return SubjectAltNameMatcher.IP_ADDRESS if is_ip(name) else SubjectAltNameMatcher.DNS


def secrets(pairs: Iterable[KeyPair], authorities: Iterable[Authority]) -> Iterator[Secret]:
    """What the names stand for, each once."""
    for pair in {pair.name: pair for pair in pairs}.values():
        certificate = TlsCertificate(certificate_chain=_text(pair.certificate), private_key=_text(pair.private_key))
        yield Secret(name=pair.name, tls_certificate=certificate)
    for authority in {authority.name: authority for authority in authorities}.values():
        context = CertificateValidationContext(trusted_ca=_text(authority.certificates))
        if authority.revoked:
            context.crl.CopyFrom(_text(authority.revoked))
        yield Secret(name=authority.name, validation_context=context)


def _text(value: str) -> DataSource:
    return DataSource(inline_string=value)
