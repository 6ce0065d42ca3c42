"""TLS to destinations that checks nobody's certificate."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.problem import Problem
from turnout.resources.destination_rule import ClientTLSSettings, DestinationRule

HINT = "name the certificate authorities with `caCertificates`"


def tls_verification(inventory: Inventory) -> Iterator[Problem]:
    """IST0128 for a destination, IST0129 for one of its ports: SIMPLE or MUTUAL without a certificate authority."""
    for rule in inventory.mesh.destination_rules:
        policy = rule.spec.traffic_policy
        if policy is None:
            continue
        if policy.tls and _trusts_anybody(policy.tls, rule):
            message = f"TLS to {rule.spec.host} is {policy.tls.mode}, and no caCertificates are set"
            yield istio_problem("IST0128", where(rule, "spec.trafficPolicy.tls"), message, HINT)
        for index, port in enumerate(policy.port_level_settings):
            if port.tls and _trusts_anybody(port.tls, rule):
                message = f"TLS to a port of {rule.spec.host} is {port.tls.mode}, and no caCertificates are set"
                path = f"spec.trafficPolicy.portLevelSettings[{index}].tls"
                yield istio_problem("IST0129", where(rule, path), message, HINT)


def _trusts_anybody(tls: ClientTLSSettings, rule: DestinationRule) -> bool:
    """A credential may bring the authorities, and is used by the proxies that the rule selects only."""
    has_credential = bool(tls.credential_name) and rule.spec.workload_selector is not None
    return tls.mode in ("SIMPLE", "MUTUAL") and not tls.ca_certificates and not has_credential
