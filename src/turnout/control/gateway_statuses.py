"""The status of Gateway API's objects: who has taken a route, and what it refers to; what each listener serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from turnout.control.objects import ObjectKey
from turnout.mesh import gateway_servers
from turnout.mesh.credential import Unusable
from turnout.mesh.gateway_hosts import reference
from turnout.mesh.gateway_listener import BoundListener
from turnout.mesh.gateway_route import Route
from turnout.mesh.gateway_servers import Serving
from turnout.mesh.gateway_status import Fault, backend_faults, certificate_faults, parent_faults
from turnout.mesh.mesh import Mesh
from turnout.mesh.server_tls import server_tls
from turnout.resources.gateway_api import KubernetesGateway, ParentReference
from turnout.resources.kinds import GATEWAY_API, KUBERNETES_GATEWAY

JSONObject = dict[str, Any]
CONTROLLER = "turnout.dev/gateway-controller"
_ADDRESS = {"type": "IPAddress", "value": "127.0.0.1"}


def statuses(mesh: Mesh, generations: Mapping[ObjectKey, int]) -> dict[ObjectKey, JSONObject]:
    """Of every Gateway and route, for when Envoy has them. Conditions lack the time at which they came about."""
    found = {}
    for route in mesh.gateway_api.source.routes:
        key = (type(route).__name__, route.metadata.namespace, route.metadata.name)
        found[key] = {"parents": list(_parents(mesh, route, generations.get(key, 0)))}
    listeners: dict[ObjectKey, list[BoundListener]] = {}
    for bound in mesh.gateway_api.source.listeners:
        listeners.setdefault(_key(bound.gateway), []).append(bound)
    for key, own in listeners.items():
        found[key] = _gateway(mesh, own, generations.get(key, 0))
    return found


def _key(gateway: KubernetesGateway) -> ObjectKey:
    return KUBERNETES_GATEWAY.title, gateway.metadata.namespace, gateway.metadata.name


def _parents(mesh: Mesh, route: Route, generation: int) -> Iterator[JSONObject]:
    refused, unresolved = parent_faults(mesh, route), backend_faults(mesh, route)
    for index, parent in enumerate(route.spec.parent_refs):
        yield {
            "parentRef": _reference(parent),
            "controllerName": CONTROLLER,
            "conditions": [
                _condition("Accepted", "Accepted", generation, refused.get(index)),
                _condition("ResolvedRefs", "ResolvedRefs", generation, unresolved[0] if unresolved else None),
            ],
        }


def _reference(parent: ParentReference) -> JSONObject:
    given = {"namespace": parent.namespace, "sectionName": parent.section_name, "port": parent.port}
    named = {"group": parent.group, "kind": parent.kind, "name": parent.name}
    return named | {key: value for key, value in given.items() if value}


def _gateway(mesh: Mesh, listeners: list[BoundListener], generation: int) -> JSONObject:
    is_served = any(bound.is_served for bound in listeners)
    fault = None if is_served else Fault("", "Invalid", "no listener of it is served here")
    return {
        "addresses": [_ADDRESS] if is_served else [],
        "conditions": [
            _condition("Accepted", "Accepted", generation, None),
            _condition("Programmed", "Programmed", generation, fault),
        ],
        "listeners": [_listener(mesh, bound, generation) for bound in listeners],
    }


def _listener(mesh: Mesh, bound: BoundListener, generation: int) -> JSONObject:
    kinds = [{"group": GATEWAY_API, "kind": kind} for kind in bound.supports if bound.takes(kind)]
    protocol = bound.listener.protocol
    fault = None if bound.is_served else Fault("", "UnsupportedProtocol", f"{protocol} is not served here")
    return {
        "name": bound.listener.name,
        "supportedKinds": kinds if bound.is_served else [],
        "attachedRoutes": len(mesh.gateway_api.at_gateway.get(bound.reference, ())),
        "conditions": [
            _condition("Accepted", "Accepted", generation, fault),
            _condition("Programmed", "Programmed", generation, fault or _certificate_fault(mesh, bound)),
            _condition("ResolvedRefs", "ResolvedRefs", generation, _certificate_fault(mesh, bound)),
        ],
    }


def _certificate_fault(mesh: Mesh, listener: BoundListener) -> Fault | None:
    for refused in certificate_faults(mesh, listener):
        return refused
    for bound in gateway_servers.servers(mesh, listener.listener.port):
        if reference(bound.gateway) == listener.reference and bound.serving is Serving.HTTPS:
            found = server_tls(mesh, bound)
            return Fault("tls", "InvalidCertificateRef", found.message) if isinstance(found, Unusable) else None
    return None


def _condition(name: str, reason: str, generation: int, fault: Fault | None) -> JSONObject:
    return {
        "type": name,
        "status": "False" if fault else "True",
        "reason": fault.reason if fault else reason,
        "message": fault.message if fault else "",
        "observedGeneration": generation,
    }
