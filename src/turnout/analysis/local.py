"""What only concerns whoever runs the objects here: fields without effect, and what nothing stands behind."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.inventory import Inventory
from turnout.analysis.rollout_references import rollout_references
from turnout.mesh import client_tls, gateway_servers, server_tls
from turnout.mesh.gateway_listener import is_translated
from turnout.mesh.no_effect import no_effect
from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem
from turnout.resources.destination_rule import DestinationRule
from turnout.resources.gateway import Gateway
from turnout.resources.virtual_service import VirtualService


def passed_over(inventory: Inventory) -> Iterator[Problem]:
    """TNO302: fields that have no effect on one machine."""
    mesh = inventory.mesh
    ruling: tuple[VirtualService | DestinationRule | Gateway, ...] = (
        *mesh.virtual_services,
        *mesh.destination_rules,
        *(gateway for gateway in mesh.gateways if not is_translated(gateway)),
    )
    for resource in ruling:
        meta = resource.metadata
        yield from no_effect(ObjectPath(type(resource).__name__, meta.namespace, meta.name), resource.spec)
    known = [each for service in mesh.services.values() for each in (service, *service.more)]
    called = {service.owner: service.entry or service.spec for service in known}
    for owner, spec in called.items():
        yield from no_effect(owner, spec)


def empty_services(inventory: Inventory) -> Iterator[Problem]:
    """TNO303: a Service that no workload stands behind."""
    for service in inventory.mesh.services.values():
        selector = service.spec.selector
        if service.spec.type == "ExternalName" or service.entry:
            continue
        if not inventory.behind(service.namespace, selector):
            yield _selects_nothing(service.namespace, service.name, dict(selector))


def unserved(inventory: Inventory) -> Iterator[Problem]:
    """TNO320: servers of Gateways that get into each other's way; TNO321, TNO322: certificates that cannot be used."""
    yield from gateway_servers.conflicts(inventory.mesh)
    yield from server_tls.unusable(inventory.mesh)
    yield from client_tls.unusable(inventory.mesh)


def rollouts(inventory: Inventory) -> Iterator[Problem]:
    """TNO306: Rollouts that cannot begin."""
    for rollout in inventory.rollouts:
        yield from rollout_references(inventory.mesh, rollout)


def _selects_nothing(namespace: str, name: str, selector: dict[str, str]) -> Problem:
    wanted = ", ".join(f"{key}={value}" for key, value in selector.items())
    why = f"no Deployment's pods are labelled {wanted}" if selector else "it has no selector"
    where = ObjectPath("Service", namespace, name, "spec.selector" if selector else "spec")
    hint = "requests to it get 503 (flag UH) until pods with these labels run"
    return problem("TNO303", where, f"Service {name} selects nothing: {why}", hint if selector else None)
