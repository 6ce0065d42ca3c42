"""Hosts and ports that VirtualServices send requests to, and that do not exist."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.destinations import destinations, where
from turnout.analysis.hint import hint_for, until_then
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.analysis.visible_hosts import VisibleHost
from turnout.problem import Problem
from turnout.resources.virtual_service import Destination, VirtualService


def destination_hosts(inventory: Inventory) -> Iterator[Problem]:
    """IST0101: a host, or a port of it, that the VirtualService does not see. IST0112: one of several ports."""
    for owner in inventory.mesh.virtual_services:
        for path, destination in destinations(owner):
            namespace = owner.metadata.namespace
            host = inventory.hosts.find(namespace, owner.spec.export_to, destination.host)
            if host is None:
                yield _unknown(inventory, owner, path, destination)
            else:
                yield from _ports(owner, path, destination, host)


def _unknown(inventory: Inventory, owner: VirtualService, path: str, destination: Destination) -> Problem:
    message = f'Referenced host not found: "{destination.host}"'
    hint = hint_for(destination.host, inventory.hosts.names(owner.metadata.namespace), "Services")
    return istio_problem("IST0101", where(owner, f"{path}.host"), message, until_then(hint))


def _ports(owner: VirtualService, path: str, destination: Destination, host: VisibleHost) -> Iterator[Problem]:
    listed = ", ".join(map(str, host.ports))
    if destination.port is None:
        if len(host.ports) > 1:
            message = f'"{destination.host}" has several ports ({listed}), and no port is selected'
            hint = "add `port: {number: …}`; without it the port counts that the request was sent to"
            yield istio_problem("IST0112", where(owner, path), message, hint)
    elif destination.port.number not in host.ports:
        message = f'Referenced host:port not found: "{destination.host}:{destination.port.number}"'
        hint = until_then(f"ports of {destination.host}: {listed or 'none'}")
        yield istio_problem("IST0101", where(owner, f"{path}.port"), message, hint)
