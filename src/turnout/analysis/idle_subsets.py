"""Subsets that requests are sent to, and that no workload stands behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from turnout.analysis.destinations import destinations, where
from turnout.analysis.inventory import Inventory
from turnout.mesh import names
from turnout.problem import Problem
from turnout.resources.codes import problem


def idle_subsets(inventory: Inventory) -> Iterator[Problem]:
    """TNO312. Of a Service that selects nothing at all TNO303 tells, and IST0101 of a subset that nobody defines."""
    behind: dict[str, list[Mapping[str, str]]] = {}
    for owner in inventory.mesh.virtual_services:
        for path, destination in destinations(owner):
            host = names.fqdn(destination.host, owner.metadata.namespace)
            service = inventory.mesh.services.get(host)
            if service is None or service.entry or not destination.subset:
                continue
            if host not in behind:
                behind[host] = inventory.behind(service.namespace, service.spec.selector)
            wanted = _labels(inventory, host, destination.subset)
            if behind[host] and wanted is not None and not any(_fits(wanted, labels) for labels in behind[host]):
                listed = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
                message = (
                    f"no Deployment of {service.name} is labelled {listed}, as its subset {destination.subset} asks"
                )
                hint = "requests to it get 503 (flag UH) until pods with these labels run"
                yield problem("TNO312", where(owner, f"{path}.subset"), message, hint)


def _labels(inventory: Inventory, host: str, subset: str) -> Mapping[str, str] | None:
    """As callers of the service's own namespace see it."""
    return next((known.labels for known in inventory.mesh.policies[host].subsets if known.name == subset), None)


def _fits(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return wanted.items() <= labels.items()
