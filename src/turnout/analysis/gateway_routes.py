"""Gateway API: routes that nobody takes, and what they lead to and is not there."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.inventory import Inventory
from turnout.mesh.gateway_route import Route
from turnout.mesh.gateway_status import Fault, backend_faults, certificate_faults, parent_faults
from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem
from turnout.resources.forwarding_route import TCPRoute, TLSRoute
from turnout.resources.kinds import KUBERNETES_GATEWAY


def gateway_routes(inventory: Inventory) -> Iterator[Problem]:
    """TNO330: a route is not attached to what it names; TNO331: what is referred to does not exist, or may not be."""
    mesh = inventory.mesh
    for bound in mesh.gateway_api.source.listeners:
        meta = bound.gateway.metadata
        for fault in certificate_faults(mesh, bound):
            where = ObjectPath(KUBERNETES_GATEWAY.title, meta.namespace, meta.name, fault.path)
            yield problem("TNO331", where, fault.message, fault.hint)
    for route in mesh.gateway_api.source.routes:
        kind = type(route).__name__
        if not route.spec.parent_refs:
            message = f"the {kind} is attached to nothing: it has no `parentRefs`"
            yield problem("TNO330", _where(route, "spec"), message, "name a Gateway, or with `group: ''` a Service")
        for fault in parent_faults(mesh, route).values():
            yield _problem("TNO330", route, fault, f"the {kind} is not attached here: {fault.message}")
        for fault in backend_faults(mesh, route):
            yield _problem("TNO331", route, fault, f"{fault.message}: {_then(route, fault)}")


def _then(route: Route, fault: Fault) -> str:
    """What comes of a backend that is not there."""
    if isinstance(route, (TCPRoute, TLSRoute)):
        return "such connections are closed"
    return "copies go nowhere" if "requestMirror" in fault.path else "such requests get 500"


def _problem(code: str, route: Route, fault: Fault, message: str) -> Problem:
    return problem(code, _where(route, fault.path), message, fault.hint)


def _where(route: Route, path: str) -> ObjectPath:
    return ObjectPath(type(route).__name__, route.metadata.namespace, route.metadata.name, path)
