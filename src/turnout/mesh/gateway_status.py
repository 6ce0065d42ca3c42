"""What becomes of Gateway API's routes: whether each parent takes them, and whether there is what they lead to.

In Gateway API's words, as the status of an object has them: conditions Accepted and ResolvedRefs, with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from turnout.mesh import names
from turnout.mesh.gateway_api import called_hosts, permit, refers, refusal
from turnout.mesh.gateway_listener import BoundListener, refused_certificates
from turnout.mesh.gateway_route import Permit, Reference, Route, kind_of, references
from turnout.mesh.mesh import Mesh, http_ports, tcp_ports
from turnout.mesh.service import ServiceHost
from turnout.resources.core import ServicePort
from turnout.resources.forwarding_route import TCPRoute, TLSRoute
from turnout.resources.gateway_api import ParentReference
from turnout.resources.kinds import GATEWAY_API, ISTIO
from turnout.resources.spelling import closest


@dataclass(frozen=True, slots=True)
class Fault:
    """`path`: in the route. `reason`: one word of Gateway API's."""

    path: str
    reason: str
    message: str
    hint: str | None = None


def certificate_faults(mesh: Mesh, bound: BoundListener) -> list[Fault]:
    """Certificates of other namespaces that a listener may not use: it has none then."""
    return [
        Fault(
            f"spec.listeners[{bound.index}].tls.certificateRefs[{index}]",
            "RefNotPermitted",
            f"namespace {each.namespace} does not let Gateways of {bound.gateway.metadata.namespace} name {each.name}",
            f"a ReferenceGrant in namespace {each.namespace} allows it",
        )
        for index, each in refused_certificates(bound, mesh.gateway_api.source.grants).items()
    ]


def parent_faults(mesh: Mesh, route: Route) -> dict[int, Fault]:
    """Why a route is not attached to a parent, by the parent's place in the list."""
    found = {}
    for index, parent in enumerate(route.spec.parent_refs):
        fault = _parent_fault(mesh, route, parent)
        if fault is not None:
            reason, message, hint = fault
            found[index] = Fault(f"spec.parentRefs[{index}]", reason, message, hint)
    return found


def _parent_fault(mesh: Mesh, route: Route, parent: ParentReference) -> tuple[str, str, str | None] | None:
    if (parent.group, parent.kind) == (GATEWAY_API, "Gateway"):
        return _gateway_fault(mesh, route, parent)
    hosts = called_hosts(parent, route, mesh.gateway_api.source.entries)
    named = f"{parent.kind} {parent.namespace or route.metadata.namespace}/{parent.name}"
    known = [mesh.services[host] for host in hosts if host in mesh.services]
    if not known:
        near = closest(parent.name, [service.name for service in mesh.services.values()])
        return "NoMatchingParent", f"{named} is not there", f"did you mean {near}?" if near else None
    if isinstance(route, TLSRoute):
        hint = "a TCPRoute, or the `tls` entry of a VirtualService, can be for callers inside the mesh"
        return "UnsupportedValue", "a TLSRoute is attached to Gateways only", hint
    ports = [port.port for service in known for port in _ports(service, route)]
    if parent.port and parent.port not in ports:
        listed = ", ".join(map(str, ports)) or "none"
        return "NoMatchingParent", f"{named} has no port {parent.port} of {_speaks(route)}", f"its ports: {listed}"
    return None


def _gateway_fault(mesh: Mesh, route: Route, parent: ParentReference) -> tuple[str, str, str | None] | None:
    source = mesh.gateway_api.source
    bound = [each for each in source.listeners if refers(parent, route, each)]
    if not bound:
        return _no_listener(mesh, route, parent)
    if not any(each.is_served for each in bound):
        return "UnsupportedValue", f"Gateway {parent.name} is not served here: see its own warning", None
    refusals = [refusal(route, each, source.namespaces) for each in bound if each.is_served]
    first = refusals[0]
    if first is None or None in refusals:
        return None
    is_kind = not any(kind_of(route) in each.supports for each in bound)
    hint = "see `allowedRoutes` of the listener" if first[0] == "NotAllowedByListeners" and not is_kind else None
    return *first, hint


def _no_listener(mesh: Mesh, route: Route, parent: ParentReference) -> tuple[str, str, str | None]:
    namespace = parent.namespace or route.metadata.namespace
    listeners = mesh.gateway_api.source.listeners
    own = [
        each.listener
        for each in listeners
        if (each.gateway.metadata.namespace, each.gateway.metadata.name) == (namespace, parent.name)
    ]
    if own:
        wanted = f"called {parent.section_name}" if parent.section_name else f"on port {parent.port}"
        listed = ", ".join(f"{each.name} (port {each.port})" for each in own)
        return "NoMatchingParent", f"Gateway {namespace}/{parent.name} has no listener {wanted}", f"it has {listed}"
    known = sorted({each.gateway.metadata.name for each in listeners})
    near = closest(parent.name, known)
    other = next((each.gateway.metadata for each in listeners if each.gateway.metadata.name == parent.name), None)
    hint = f"did you mean {near}?" if near else None
    if other is not None:
        hint = f"there is one in namespace {other.namespace}: add `namespace: {other.namespace}`"
    elif any(f"{gateway.metadata.name}" == parent.name for gateway in mesh.gateways):
        hint = f"the Gateway {parent.name} is one of {ISTIO}, which VirtualServices are bound to"
    return "NoMatchingParent", f"there is no Gateway {namespace}/{parent.name} of {GATEWAY_API}", hint


def backend_faults(mesh: Mesh, route: Route) -> list[Fault]:
    """What a route leads to and is not there, or may not be named: such requests get 500, connections are closed."""
    is_inside = all(parent.kind != "Gateway" for parent in route.spec.parent_refs)
    permitted = (lambda _: True) if is_inside else permit(route, mesh.gateway_api.source.grants)
    return [
        fault for path, backend in references(route) if (fault := _backend_fault(mesh, route, path, backend, permitted))
    ]


def _backend_fault(mesh: Mesh, route: Route, path: str, backend: Reference, permitted: Permit) -> Fault | None:
    own = route.metadata.namespace
    namespace = backend.namespace or own
    if not permitted(backend):
        message = f"namespace {namespace} does not let {type(route).__name__}s of {own} name {backend.name}"
        return Fault(path, "RefNotPermitted", message, f"a ReferenceGrant in namespace {namespace} allows it")
    match backend.group, backend.kind:
        case "", "Service":
            host = names.fqdn(backend.name, namespace)
        case group, "Hostname" if group == ISTIO:
            host = backend.name
        case _:
            message = f"a {backend.kind} of {backend.group or 'the core API'} is no backend here"
            return Fault(f"{path}.kind", "InvalidKind", message, "name a Service")
    service = mesh.services.get(host)
    if service is None:
        near = closest(backend.name, [each.name for each in mesh.services.values()])
        return Fault(path, "BackendNotFound", f"{host} is not there", f"did you mean {near}?" if near else None)
    ports = [port.port for port in (service.spec.ports if _is_forwarding(route) else http_ports(service))]
    if backend.port is not None and backend.port not in ports:
        listed = ", ".join(map(str, ports)) or "none"
        message = f"Service {backend.name} has no port {backend.port}{'' if _is_forwarding(route) else ' of HTTP'}"
        return Fault(f"{path}.port", "BackendNotFound", message, f"its ports: {listed}")
    return None


def _is_forwarding(route: Route) -> bool:
    """Whether it passes connections on unread: to whatever speaks over TCP."""
    return isinstance(route, (TCPRoute, TLSRoute))


def _ports(service: ServiceHost, route: Route) -> list[ServicePort]:
    """Of a service those whose callers a route can rule."""
    return tcp_ports(service) if _is_forwarding(route) else http_ports(service)


def _speaks(route: Route) -> str:
    return "TCP" if _is_forwarding(route) else "HTTP"
