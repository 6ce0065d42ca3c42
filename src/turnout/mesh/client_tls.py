"""What the proxy shows a destination, and what it wants to see of it: a DestinationRule's `tls`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from turnout.mesh import sight
from turnout.mesh.credential import SYSTEM_AUTHORITIES, Authority, KeyPair, Unusable, faults
from turnout.mesh.mesh import Mesh
from turnout.mesh.names import fqdn
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem
from turnout.resources.destination_rule import ClientTLSSettings, DestinationRule, TrafficPolicy

LONGEST_SNI_BYTES = 255


@dataclass(frozen=True, slots=True)
class ClientTLS:
    """`pair`: what is shown, if anything is; `authority`: None where the destination's certificate is not looked at.

    `names`: of which its certificate has to bear one, empty for any.
    """

    settings: ClientTLSSettings
    pair: KeyPair | None = None
    authority: Authority | None = None
    names: tuple[str, ...] = ()

    @property
    def credentials(self) -> tuple[KeyPair | Authority, ...]:
        return tuple(each for each in (self.pair, self.authority) if each)


def client_tls(mesh: Mesh, host: str, view: str, port: int, subset: str) -> ClientTLS | Unusable | None:
    """Towards a known service, as callers of a view see it; None for plain text.

    Without `subjectAltNames` those of a ServiceEntry count. A Secret is looked for where the rule may stand: with the
    caller, with the service, in the root namespace.
    """
    policy = mesh.policy(host, view)
    own_policy = policy.subset(subset)
    if not _mentions_tls(policy.traffic_policy) and not (own_policy and _mentions_tls(own_policy.traffic_policy)):
        return None
    settings = policy.policy(port, own_policy).tls
    service = mesh.services[host]
    caller = sight.sight(view).namespace if view else service.namespace
    found = resolved(mesh, settings, tuple(dict.fromkeys((caller, service.namespace, GATEWAY_NAMESPACE))))
    if isinstance(found, ClientTLS) and service.entry and not found.names:
        return replace(found, names=service.entry.subject_alt_names)
    return found


def resolved(
    mesh: Mesh, settings: ClientTLSSettings | None, namespaces: tuple[str, ...]
) -> ClientTLS | Unusable | None:
    """With the credentials that the settings name. ISTIO_MUTUAL is plain text here: a mesh's identities are missing."""
    if settings is None or settings.mode not in ("SIMPLE", "MUTUAL"):
        return None
    if len(settings.sni.encode()) > LONGEST_SNI_BYTES:
        return Unusable("sni", f"a name has at most {LONGEST_SNI_BYTES} bytes")
    pair = _pair(mesh, settings, namespaces) if settings.mode == "MUTUAL" else None
    if isinstance(pair, Unusable):
        return pair
    authority = None if settings.insecure_skip_verify else _authority(mesh, settings, namespaces)
    return (
        authority
        if isinstance(authority, Unusable)
        else ClientTLS(settings, pair, authority, settings.subject_alt_names)
    )


def unusable(mesh: Mesh) -> Iterator[Problem]:
    """A problem for every `tls` of a DestinationRule that names a credential which is not there, or no good."""
    for rule, path, found in asked(mesh):
        credentials = found if isinstance(found, Unusable) else found.credentials
        for what, fault in faults(credentials, "requests get 503"):
            meta = rule.metadata
            where = ObjectPath("DestinationRule", meta.namespace, meta.name, f"{path}.tls.{fault.field}")
            yield problem("TNO322", where, f"{what}: {fault.message}", fault.hint)


def asked(mesh: Mesh) -> Iterator[tuple[DestinationRule, str, ClientTLS | Unusable]]:
    """Every rule that asks for TLS, with the path of what it stands in, as callers of the rule's namespace see it."""
    for rule in mesh.destination_rules:
        for path, settings in written(rule):
            namespaces = tuple(dict.fromkeys((rule.metadata.namespace, *_homes(mesh, rule), GATEWAY_NAMESPACE)))
            if found := resolved(mesh, settings, namespaces):
                yield rule, path, found


def _homes(mesh: Mesh, rule: DestinationRule) -> Iterator[str]:
    known = mesh.services.get(fqdn(rule.spec.host, rule.metadata.namespace))
    if known:
        yield known.namespace


def _mentions_tls(policy: TrafficPolicy | None) -> bool:
    return policy is not None and (policy.tls is not None or any(p.tls is not None for p in policy.port_level_settings))


def written(rule: DestinationRule) -> Iterator[tuple[str, ClientTLSSettings]]:
    """Every `tls` of a rule, with the path of what it stands in."""
    policies = [("spec.trafficPolicy", rule.spec.traffic_policy)]
    policies += [(_path(index), subset.traffic_policy) for index, subset in enumerate(rule.spec.subsets)]
    for path, policy in policies:
        if policy and policy.tls:
            yield path, policy.tls
        for index, port in enumerate(policy.port_level_settings if policy else ()):
            if port.tls:
                yield f"{path}.portLevelSettings[{index}]", port.tls


def _path(subset: int) -> str:
    return f"spec.subsets[{subset}].trafficPolicy"


def _pair(mesh: Mesh, settings: ClientTLSSettings, namespaces: tuple[str, ...]) -> KeyPair | Unusable:
    if settings.credential_name:
        return mesh.vault.pair(settings.credential_name, namespaces, "credentialName")
    fields = ("clientCertificate", "privateKey")
    return mesh.vault.file_pair(settings.client_certificate, settings.private_key, fields)


def _authority(mesh: Mesh, settings: ClientTLSSettings, namespaces: tuple[str, ...]) -> Authority | Unusable:
    """Without any of its own, whom this machine believes."""
    if settings.credential_name and (
        settings.mode == "SIMPLE" or mesh.vault.has_authority(settings.credential_name, namespaces)
    ):
        return mesh.vault.authority(settings.credential_name, namespaces, "credentialName")
    if settings.ca_certificates and not settings.credential_name:
        return mesh.vault.file_authority(settings.ca_certificates, settings.ca_crl, "caCertificates")
    return mesh.vault.file_authority(SYSTEM_AUTHORITIES, "", "mode")
