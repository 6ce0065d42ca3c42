"""Subsets that only callers on the mesh are sent to, while a gateway leads to the same service without any."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.problem import Problem


def ingress_subsets(inventory: Inventory) -> Iterator[Problem]:
    """IST0140: who expects the VirtualService of a service to rule what comes in through another one is mistaken."""
    ruled = _ruled(inventory)
    for owner in inventory.mesh.virtual_services:
        for index, http in enumerate(owner.spec.http if owner.spec.gateways else ()):
            for at, choice in enumerate(http.route):
                if choice.destination is None or choice.destination.subset:
                    continue
                for other in ruled.get(choice.destination.host, ()):
                    message = f"the subsets that {other} sends requests to do not count for what comes in here"
                    hint = "send requests to the subsets here, too, or let one VirtualService rule gateway and mesh"
                    path = f"spec.http[{index}].route[{at}].destination.host"
                    yield istio_problem("IST0140", where(owner, path), message, hint)


def _ruled(inventory: Inventory) -> dict[str, list[str]]:
    """Hosts that a VirtualService of the same host sends to subsets of, with its name for each such destination."""
    found: dict[str, list[str]] = {}
    for owner in inventory.mesh.virtual_services:
        name = f"{owner.metadata.namespace}/{owner.metadata.name}"
        for http in owner.spec.http:
            for choice in http.route:
                to = choice.destination
                if to is not None and to.subset and to.host in owner.spec.hosts:
                    found.setdefault(to.host, []).append(name)
    return found
