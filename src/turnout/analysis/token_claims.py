"""Routes that ask for claims of a token, where nothing reads tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.mesh import names
from turnout.mesh.gateway_hosts import reference
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.problem import Problem
from turnout.resources.virtual_service import VirtualService

SECURITY = "security.istio.io"
_CLAIM = re.compile(r"@request\.auth\.claims(\..+|\[.+\])", re.IGNORECASE)


def token_claims(inventory: Inventory) -> Iterator[Problem]:
    """IST0149, for each pod of the gateway that no RequestAuthentication selects."""
    by_name = {reference(gateway): gateway for gateway in inventory.gateways}
    readers = [
        (policy.namespace, policy.labels("spec", "selector", "matchLabels"))
        for policy in inventory.objects(SECURITY, "RequestAuthentication")
    ]
    for owner in inventory.mesh.virtual_services:
        found = _claim(owner)
        for written in owner.spec.gateways if found else ():
            gateway = by_name.get(names.gateway_reference(written, owner.metadata.namespace))
            for pod in inventory.selected(gateway.spec.selector) if gateway else ():
                seen = (labels for at, labels in readers if at in (GATEWAY_NAMESPACE, pod.namespace))
                if found and not any(labels.items() <= pod.labels.items() for labels in seen):
                    path, key = found
                    message = (
                        f"the route asks for {key}, and no RequestAuthentication reads tokens in the pod {pod.name}"
                    )
                    hint = "add a RequestAuthentication that selects the gateway's pods"
                    yield istio_problem("IST0149", where(owner, path), message, hint)


def _claim(owner: VirtualService) -> tuple[str, str] | None:
    """The first claim that is asked for, with its place."""
    for index, http in enumerate(owner.spec.http):
        for at, match in enumerate(http.match):
            for field, headers in (("headers", match.headers), ("withoutHeaders", match.without_headers)):
                for key in headers:
                    if _CLAIM.fullmatch(key):
                        return f"spec.http[{index}].match[{at}].{field}", key
    return None
