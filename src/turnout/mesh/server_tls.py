"""What a server of a Gateway shows its clients, and what it wants to see of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from turnout.mesh import gateway_servers
from turnout.mesh.credential import Authority, KeyPair, Unusable, faults
from turnout.mesh.gateway_servers import BoundServer, Serving
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.resources.gateway import ServerTLSSettings, TLSCertificate

_VERIFYING = ("MUTUAL", "OPTIONAL_MUTUAL")
_SPKI = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){31}")


@dataclass(frozen=True, slots=True)
class ServerTLS:
    """`authority`: whose clients are believed, or None where they need no certificate."""

    settings: ServerTLSSettings
    pairs: tuple[KeyPair, ...]
    authority: Authority | None = None

    @property
    def credentials(self) -> tuple[KeyPair | Authority, ...]:
        return (*self.pairs, *([self.authority] if self.authority else []))


def server_tls(mesh: Mesh, bound: BoundServer) -> ServerTLS | Unusable:
    """Of a server that ends TLS."""
    settings = bound.server.tls
    assert settings is not None, "a server of HTTPS or TLS has TLS settings"
    if settings.mode == "ISTIO_MUTUAL":
        return Unusable("mode", "ISTIO_MUTUAL needs the identities that a mesh gives its workloads")
    # Istio looks beside the gateway's own workload. Here there is none, and beside the Gateway is as good a place.
    namespaces = (GATEWAY_NAMESPACE, bound.gateway.metadata.namespace)
    pairs = []
    for found in _pairs(mesh, settings, namespaces):
        if isinstance(found, Unusable):
            return found
        pairs.append(found)
    if settings.mode not in _VERIFYING:
        return ServerTLS(settings, tuple(pairs))
    authority = _authority(mesh, settings, namespaces)
    if isinstance(authority, Unusable):
        return authority
    return _pin_fault(settings) or ServerTLS(settings, tuple(pairs), authority)


def shows_certificate(mesh: Mesh, bound: BoundServer) -> bool:
    """False: it should show one, and has none."""
    ends_tls = bound.serving in (Serving.HTTPS, Serving.TLS)
    return not ends_tls or isinstance(server_tls(mesh, bound), ServerTLS)


def unusable(mesh: Mesh) -> Iterator[Problem]:
    """A problem for every server that is not served for want of a certificate, or only with an older one."""
    for bound, found in ending_tls(mesh):
        credentials = found if isinstance(found, Unusable) else found.credentials
        for what, fault in faults(credentials, "the server is not served"):
            yield problem("TNO321", bound.where(f"tls.{fault.field}"), f"{what}: {fault.message}", fault.hint)


def ending_tls(mesh: Mesh) -> Iterator[tuple[BoundServer, ServerTLS | Unusable]]:
    """Every server that ends TLS."""
    for port in gateway_servers.ports(mesh):
        for bound in gateway_servers.servers(mesh, port):
            if bound.serving in (Serving.HTTPS, Serving.TLS):
                yield bound, server_tls(mesh, bound)


def _pin_fault(settings: ServerTLSSettings) -> Unusable | None:
    """A digest that is none matches nobody, and Envoy refuses it. Leaving it out would let in everybody."""
    for index, text in enumerate(settings.verify_certificate_spki):
        if not _SPKI.fullmatch(text):
            return Unusable(f"verifyCertificateSpki[{index}]", "it is no SHA-256 in base64")
    for index, text in enumerate(settings.verify_certificate_hash):
        if not _DIGEST.fullmatch(text):
            return Unusable(f"verifyCertificateHash[{index}]", "it is no SHA-256 in hexadecimal")
    return None


def _pairs(mesh: Mesh, settings: ServerTLSSettings, namespaces: tuple[str, str]) -> Iterator[KeyPair | Unusable]:
    if settings.credential_name:
        yield mesh.vault.pair(settings.credential_name, namespaces, "credentialName")
    elif settings.credential_names:
        for index, name in enumerate(settings.credential_names):
            yield mesh.vault.pair(name, namespaces, f"credentialNames[{index}]")
    else:
        own = TLSCertificate(settings.server_certificate, settings.private_key)
        for index, each in enumerate(settings.tls_certificates or (own,)):
            place = f"tlsCertificates[{index}]." if settings.tls_certificates else ""
            fields = (f"{place}serverCertificate", f"{place}privateKey")
            yield mesh.vault.file_pair(each.server_certificate, each.private_key, fields)


def _authority(mesh: Mesh, settings: ServerTLSSettings, namespaces: tuple[str, str]) -> Authority | Unusable:
    if settings.ca_cert_credential_name:
        return mesh.vault.authority(settings.ca_cert_credential_name, namespaces, "caCertCredentialName")
    if settings.credential_name:
        return mesh.vault.authority(settings.credential_name, namespaces, "credentialName")
    if settings.credential_names:
        return mesh.vault.authority(settings.credential_names[0], namespaces, "credentialNames[0]")
    path = settings.ca_certificates or next((c.ca_certificates for c in settings.tls_certificates), "")
    return mesh.vault.file_authority(path, settings.ca_crl, "caCertificates" if settings.ca_certificates else "mode")
