"""Names of Service ports: Istio tells the protocol by them."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.problem import ObjectPath, Problem
from turnout.resources.core import Service, ServicePort
from turnout.resources.protocol import is_protocol

WELL_KNOWN = frozenset((25, 53, 3306, 27017))
"""SMTP, DNS, MySQL, MongoDB: taken for TCP whatever they are called."""
MADE_BY_GATEWAYS = "gateway.istio.io/managed"
SYSTEM = frozenset(("kube-system", "kube-public", "kube-node-lease", "local-path-storage"))
"""Namespaces that Istio leaves alone."""
HINT = "name it <protocol>[-<suffix>], such as `http-web`, or set appProtocol"


def service_ports(inventory: Inventory) -> Iterator[Problem]:
    """IST0118 for a name that begins with no protocol, IST0150 for one of an ExternalName Service."""
    for service in inventory.of(Service):
        meta, external = service.metadata, service.spec.type == "ExternalName"
        is_istios = "istio" in meta.labels or meta.labels.get("release") == "istio" or MADE_BY_GATEWAYS in meta.labels
        if is_istios or meta.namespace in SYSTEM:
            continue
        for index, port in enumerate(service.spec.ports):
            if not (_says_nothing(port) or (external and port.name == "tcp")):
                continue
            where = ObjectPath("Service", meta.namespace, meta.name, f"spec.ports[{index}]")
            called = (
                f'the name "{port.name}" of port {port.port}' if port.name else f"port {port.port} has no name that"
            )
            code, hint = ("IST0150", "name it `tcp-…`") if external else ("IST0118", HINT)
            verb = "does not say its protocol" if port.name else "says its protocol"
            yield istio_problem(code, where, f"{called} {verb}", hint)


def _says_nothing(port: ServicePort) -> bool:
    if port.protocol == "UDP" or port.port in WELL_KNOWN:
        return False
    word = (port.app_protocol or port.name).lower()
    if word.startswith("grpc-web") or word in ("kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"):
        return False
    return not is_protocol(word.partition("-")[0])
