"""Which VirtualServices are bound to which gateways."""

from __future__ import annotations

from collections.abc import Iterable

from turnout.mesh import names
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.resources.virtual_service import VirtualService


def gateways_of(virtual_service: VirtualService) -> tuple[str, ...]:
    """The gateways that a VirtualService is bound to, as `namespace/name` or `mesh`; none named means `mesh`."""
    namespace = virtual_service.metadata.namespace
    return tuple(names.gateway_reference(g, namespace) for g in virtual_service.spec.gateways) or (names.MESH,)


def by_gateway(virtual_services: Iterable[VirtualService]) -> dict[str, tuple[VirtualService, ...]]:
    """By gateway, in order. What is exported to other namespaces only does not reach the gateway's."""
    bound: dict[str, list[VirtualService]] = {}
    for virtual_service in virtual_services:
        if names.exported(virtual_service.spec.export_to, virtual_service.metadata.namespace, GATEWAY_NAMESPACE):
            for gateway in dict.fromkeys(gateways_of(virtual_service)):
                bound.setdefault(gateway, []).append(virtual_service)
    return {gateway: tuple(found) for gateway, found in bound.items()}
