"""Gateways and the pods that shall serve them: whether there are any, and Services that lead to their ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory, PodLabels
from turnout.analysis.istio_codes import istio_problem
from turnout.problem import Problem
from turnout.resources.core import Service, ServicePort
from turnout.resources.gateway import Gateway


def gateway_ports(inventory: Inventory) -> Iterator[Problem]:
    """IST0101: no pod has the labels of the selector. IST0162: no Service of the pods has the port."""
    known: dict[str, set[int]] = {}
    for gateway in inventory.gateways:
        selector = gateway.spec.selector
        pods = inventory.selected(selector)
        if not pods:
            yield no_pods(gateway)
            continue
        if written(selector) not in known:
            known[written(selector)] = _ports(inventory, pods)
        ports = known[written(selector)]
        for index, server in enumerate(gateway.spec.servers):
            if server.port and server.port.number not in ports:
                message = f"no Service of the pods {written(selector)} has the port {server.port.number}"
                path = f"spec.servers[{index}].port.number"
                yield istio_problem("IST0162", where(gateway, path), message, _served(ports))


def _ports(inventory: Inventory, pods: list[PodLabels]) -> set[int]:
    """What Services lead to, of the pods of one selector."""
    services = (service for service in inventory.of(Service) if _leads_to(service, pods))
    return {_listening(port) for service in services for port in service.spec.ports if _is_tcp(port)}


def no_pods(gateway: Gateway) -> Problem:
    """IST0101."""
    message = f'Referenced selector not found: "{written(gateway.spec.selector)}"'
    hint = "the pods of Istio's own gateway are labelled istio=ingressgateway"
    return istio_problem("IST0101", where(gateway, "spec.selector"), message, hint)


def written(selector: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


def _leads_to(service: Service, pods: list[PodLabels]) -> bool:
    """A Service leads to pods of its own namespace only. Istio's analysis takes one without a selector for all."""
    selector, own = service.spec.selector, service.metadata.namespace
    return any(pod.namespace == own and selector.items() <= pod.labels.items() for pod in pods)


def _is_tcp(port: ServicePort) -> bool:
    return port.protocol == "TCP"


def _listening(port: ServicePort) -> int:
    """A Gateway names the port that the pod listens on."""
    target = port.target_port
    if isinstance(target, str):
        target = int(target) if target.isdecimal() else 0
    return target or port.port


def _served(ports: set[int]) -> str:
    return f"they have {', '.join(map(str, sorted(ports)))}" if ports else "they have no ports"
