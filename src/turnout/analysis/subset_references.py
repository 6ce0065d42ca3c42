"""Subsets that VirtualServices send requests to, and that no DestinationRule defines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turnout.analysis.destinations import destinations, where
from turnout.analysis.hint import hint_for, until_then
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.mesh import names
from turnout.mesh.binding import gateways_of
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.resources.virtual_service import Destination, VirtualService


def subset_references(inventory: Inventory) -> Iterator[Problem]:
    """IST0101 for a subset that is nowhere; TNO307 for one that some of the callers do not see."""
    known = _subsets(inventory)
    workloads = {deployment.metadata.namespace for deployment in inventory.deployments}
    for owner in inventory.mesh.virtual_services:
        callers: list[str] | None = None
        for path, destination in destinations(owner):
            if not destination.subset:
                continue
            host = names.fqdn(destination.host, owner.metadata.namespace)
            if destination.subset not in known.get(host, ()):
                yield _unknown(owner, path, destination, known.get(host, []))
                continue
            callers = _callers(owner, workloads) if callers is None else callers
            yield from _unseen(inventory, owner, path, destination, callers)


def _subsets(inventory: Inventory) -> dict[str, list[str]]:
    """All that any DestinationRule says of a host, wherever it is seen."""
    found: dict[str, list[str]] = {}
    for rule in inventory.mesh.destination_rules:
        host = names.fqdn(rule.spec.host, rule.metadata.namespace)
        found.setdefault(host, []).extend(subset.name for subset in rule.spec.subsets)
    return found


def _unknown(owner: VirtualService, path: str, destination: Destination, known: list[str]) -> Problem:
    message = f'Referenced host+subset in destinationrule not found: "{destination.host}+{destination.subset}"'
    hint = until_then(hint_for(destination.subset, known, "subsets"))
    return istio_problem("IST0101", where(owner, f"{path}.subset"), message, hint)


def _callers(owner: VirtualService, workloads: Iterable[str]) -> list[str]:
    """The namespaces that requests come from which the VirtualService rules; the gateway's among them."""
    gateways, own = gateways_of(owner), owner.metadata.namespace
    found = {own, *workloads} if names.MESH in gateways else set()
    found |= {GATEWAY_NAMESPACE} if set(gateways) - {names.MESH} else set()
    return sorted(caller for caller in found if names.exported(owner.spec.export_to, own, caller))


def _unseen(
    inventory: Inventory, owner: VirtualService, path: str, destination: Destination, callers: list[str]
) -> Iterator[Problem]:
    """What DestinationRules say may depend on who asks: the subset has to be there for every caller."""
    mesh, host = inventory.mesh, names.fqdn(destination.host, owner.metadata.namespace)
    if host not in mesh.services:
        return
    views = {mesh.view(host, caller) for caller in callers}
    blind = [v for v in sorted(views) if destination.subset not in {s.name for s in mesh.policy(host, v).subsets}]
    if blind:
        there = ", ".join(view or mesh.services[host].namespace for view in blind)
        message = f"callers in namespace {there} do not see the subset {destination.subset} of {destination.host}"
        hint = until_then("see the namespace of the DestinationRule, and its exportTo")
        yield problem("TNO307", where(owner, f"{path}.subset"), message, hint)
