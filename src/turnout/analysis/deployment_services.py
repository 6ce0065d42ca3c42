"""Deployments that several Services lead to in ways that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.mesh.service import selects
from turnout.problem import ObjectPath, Problem
from turnout.resources.core import Deployment, Service

INJECT = "sidecar.istio.io/inject"
WAYPOINT = ("gateway.istio.io/managed", "istio.io-mesh-controller")


def deployment_services(inventory: Inventory) -> Iterator[Problem]:
    """IST0116: one port, several protocols. IST0137: several ports, one target port. Only with a sidecar."""
    labelled = _by_label(inventory)
    for deployment in inventory.deployments:
        if deployment.metadata.labels.get(WAYPOINT[0]) != WAYPOINT[1] and _has_sidecar(inventory, deployment):
            services = _services(labelled, deployment)
            yield from _protocols(deployment, services)
            yield from _target_ports(deployment, services)


def _has_sidecar(inventory: Inventory, deployment: Deployment) -> bool:
    template = deployment.spec.template
    if any(container.name == "istio-proxy" and container.image for container in template.spec.containers):
        return True
    asked = template.metadata.labels.get(INJECT) or template.metadata.annotations.get(INJECT)
    if asked:
        return asked == "true"
    labels = inventory.namespaces.get(deployment.metadata.namespace, {})
    return labels.get("istio-injection") == "enabled" or ("istio.io/rev" in labels and "istio-injection" not in labels)


Label = tuple[str, str, str]
"""Namespace, key and value."""


def _by_label(inventory: Inventory) -> dict[Label, list[Service]]:
    """Services by one label that they select: so that many Deployments do not ask all Services."""
    found: dict[Label, list[Service]] = {}
    for service in inventory.of(Service):
        for key, value in list(service.spec.selector.items())[:1]:
            found.setdefault((service.metadata.namespace, key, value), []).append(service)
    return found


def _services(labelled: Mapping[Label, list[Service]], deployment: Deployment) -> list[Service]:
    own, labels = deployment.metadata.namespace, deployment.spec.template.metadata.labels
    near = (service for key, value in labels.items() for service in labelled.get((own, key, value), ()))
    return [service for service in near if selects(service.spec.selector, labels)]


def _protocols(deployment: Deployment, services: list[Service]) -> Iterator[Problem]:
    used: dict[int, dict[str, list[str]]] = {}
    for service in services:
        for port in service.spec.ports:
            used.setdefault(port.port, {}).setdefault(port.protocol, []).append(service.metadata.name)
    for number, protocols in sorted(used.items()):
        if len(protocols) > 1:
            names = ", ".join(sorted(name for found in protocols.values() for name in found))
            message = f"the Services {names} use port {number} for several protocols: {', '.join(sorted(protocols))}"
            yield istio_problem("IST0116", _name(deployment), message, "give each protocol a port of its own")


def _target_ports(deployment: Deployment, services: list[Service]) -> Iterator[Problem]:
    used: dict[str, dict[int, str]] = {}
    for service in services:
        for port in service.spec.ports:
            used.setdefault(str(port.target_port or port.port), {})[port.port] = service.metadata.name
    for target, ports in sorted(used.items()):
        if len(ports) > 1:
            names, listed = ", ".join(sorted(set(ports.values()))), ", ".join(map(str, sorted(ports)))
            message = f"the Services {names} lead the ports {listed} to one target port: {target}"
            yield istio_problem("IST0137", _name(deployment), message, "lead one port to a target port")


def _name(deployment: Deployment) -> ObjectPath:
    return ObjectPath("Deployment", deployment.metadata.namespace, deployment.metadata.name, "metadata.name")
