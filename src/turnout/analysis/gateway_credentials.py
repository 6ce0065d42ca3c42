"""The Secrets that Gateways take their certificates from."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime

from turnout.analysis.destinations import where
from turnout.analysis.gateway_ports import no_pods
from turnout.analysis.hint import hint_for
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.mesh.credential import CERTIFICATE_KEYS
from turnout.problem import ObjectPath, Problem
from turnout.resources.certificate import pair_fault, validity_fault
from turnout.resources.codes import problem
from turnout.resources.core import Secret

HINT = "it takes `tls.crt` and `tls.key`, in PEM"


def gateway_credentials(inventory: Inventory) -> Iterator[Problem]:
    """IST0101: no such Secret where the gateway's pods are, or no pods. IST0161: no certificate that is valid now.

    TNO321: a key that cannot be used with it, which istioctl does not look at.
    """
    for gateway in inventory.gateways:
        pods = inventory.selected(gateway.spec.selector)
        if not pods:
            yield no_pods(gateway)
            continue
        for index, server in enumerate(gateway.spec.servers):
            if server.tls and server.tls.credential_name:
                place = where(gateway, f"spec.servers[{index}].tls.credentialName")
                yield from _credential(inventory, place, server.tls.credential_name, pods[0].namespace)


def _credential(inventory: Inventory, place: ObjectPath, written: str, beside: str) -> Iterator[Problem]:
    """`beside`: the namespace of the gateway's pods, which counts unless the name says another."""
    namespace, _, name = written.rpartition("/")
    namespace = namespace or beside
    secret = inventory.secrets.get((namespace, name))
    if secret is None:
        known = [other for at, other in inventory.secrets if at == namespace]
        hint = hint_for(name, known, f"Secrets in namespace {namespace}")
        yield istio_problem("IST0101", place, f'Referenced credentialName not found: "{written}"', hint)
        return
    invalid, unusable = _faults(secret, inventory.now)
    if invalid:
        yield istio_problem("IST0161", place, f"the Secret {namespace}/{name} cannot be used: {invalid}", HINT)
    elif unusable:
        yield problem("TNO321", place, f"the Secret {namespace}/{name} cannot be used: {unusable}", HINT)


def _faults(secret: Secret, now: datetime | None) -> tuple[str, str]:
    """Why a Secret holds no certificate that is valid; else why its key cannot be used with it. Empty where it can."""
    for certificate_key, private_key in CERTIFICATE_KEYS:
        certificate, key = _value(secret, certificate_key), _value(secret, private_key)
        if certificate and key:
            return validity_fault(certificate, now), pair_fault(certificate, key)
    return "it has no certificate and key", ""


def _value(secret: Secret, key: str) -> str:
    if key in secret.string_data:
        return secret.string_data[key]
    try:
        return base64.b64decode(secret.data.get(key, "")).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return ""
