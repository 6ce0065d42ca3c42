"""Which files TLS settings name, in place of Secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turnout.mesh.client_tls import written
from turnout.mesh.credential import SYSTEM_AUTHORITIES
from turnout.resources.destination_rule import ClientTLSSettings, DestinationRule
from turnout.resources.gateway import Gateway, ServerTLSSettings


def credential_files(resources: Iterable[object]) -> frozenset[str]:
    """Their paths, as they are written; SYSTEM_AUTHORITIES stands for the file that this machine keeps them in."""
    found: set[str] = set()
    for resource in resources:
        if isinstance(resource, Gateway):
            for server in resource.spec.servers:
                found.update(_of_server(server.tls) if server.tls else ())
        elif isinstance(resource, DestinationRule):
            for _, settings in written(resource):
                found.update(_of_client(settings))
    return frozenset(found - {""})


def _of_server(tls: ServerTLSSettings) -> Iterator[str]:
    yield from (tls.server_certificate, tls.private_key, tls.ca_certificates, tls.ca_crl)
    for each in tls.tls_certificates:
        yield from (each.server_certificate, each.private_key, each.ca_certificates)


def _of_client(tls: ClientTLSSettings) -> Iterator[str]:
    if tls.mode in ("SIMPLE", "MUTUAL"):
        yield from (tls.client_certificate, tls.private_key, tls.ca_certificates, tls.ca_crl)
        if not tls.ca_certificates:
            yield SYSTEM_AUTHORITIES
