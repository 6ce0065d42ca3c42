"""The Secrets that Gateways take their certificates from."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime

from turnout.analysis.destinations import where
from turnout.analysis.gateway_ports import no_pods, selected
from turnout.analysis.hint import hint_for
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.mesh.credential import CERTIFICATE_KEYS
from turnout.problem import Problem
from turnout.resources.certificate import pair_fault, time_fault
from turnout.resources.core import Secret


def gateway_credentials(inventory: Inventory) -> Iterator[Problem]:
    """IST0101: no such Secret where the gateway's pods are, or no pods. IST0161: no certificate that is valid now."""
    for gateway in inventory.gateways:
        pods = selected(inventory, gateway.spec.selector)
        if not pods:
            yield no_pods(gateway)
            continue
        for index, server in enumerate(gateway.spec.servers):
            name = server.tls.credential_name if server.tls else ""
            if not name:
                continue
            namespace, _, short = name.rpartition("/")
            namespace = namespace or pods[0].namespace
            secret, place = inventory.secrets.get((namespace, short)), f"spec.servers[{index}].tls.credentialName"
            if secret is None:
                known = [name for at, name in inventory.secrets if at == namespace]
                hint = hint_for(short, known, f"Secrets in namespace {namespace}")
                yield istio_problem(
                    "IST0101", where(gateway, place), f'Referenced credentialName not found: "{name}"', hint
                )
            elif fault := _fault(secret, inventory.now):
                message = f"the Secret {namespace}/{short} cannot be used: {fault}"
                yield istio_problem(
                    "IST0161", where(gateway, place), message, "it takes `tls.crt` and `tls.key`, in PEM"
                )


def _fault(secret: Secret, now: datetime | None) -> str:
    """Why a Secret holds no certificate that can be served; empty if it does."""
    for certificate_key, private_key in CERTIFICATE_KEYS:
        certificate, key = _value(secret, certificate_key), _value(secret, private_key)
        if certificate and key:
            return pair_fault(certificate, key) or (time_fault(certificate, now) if now else "")
    return "it has no certificate and key"


def _value(secret: Secret, key: str) -> str:
    if key in secret.string_data:
        return secret.string_data[key]
    try:
        return base64.b64decode(secret.data.get(key, "")).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return ""
