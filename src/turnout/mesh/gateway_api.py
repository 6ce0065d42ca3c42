"""All of Gateway API in a mesh: what its Gateways listen on, and which routes are attached where. Source: Istio.

Routes become those of VirtualServices (`gateway_route`), listeners become Gateways of Istio's (`gateway_listener`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from turnout.mesh import names
from turnout.mesh.gateway_listener import BoundListener, Labels, bound_listeners, translated
from turnout.mesh.gateway_route import Permit, Reference, Route, kind_of, virtual_service
from turnout.mesh.reference_grant import Asker, is_granted
from turnout.resources.core import Namespace
from turnout.resources.forwarding_route import TCPRoute, TLSRoute
from turnout.resources.gateway import Gateway
from turnout.resources.gateway_api import GRPCRoute, HTTPRoute, KubernetesGateway, ParentReference
from turnout.resources.kinds import GATEWAY_API, ISTIO
from turnout.resources.reference_grant import ReferenceGrant
from turnout.resources.service_entry import ServiceEntry
from turnout.resources.virtual_service import VirtualService

ANY = "*"
ROUTES = (HTTPRoute, GRPCRoute, TLSRoute, TCPRoute)
KINDS = (*ROUTES, KubernetesGateway, Namespace, ReferenceGrant, ServiceEntry)
"""All that `gateway_api` looks at."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A route at one of its parents.

    `hosts`: those that it answers there. `port`: of a Service, the only one that it rules; 0 means all of them.
    """

    kind: str
    route: VirtualService
    hosts: tuple[str, ...]
    port: int = 0

    @property
    def age(self) -> tuple[str, str, str]:
        """Of what competes the older one counts, then as their names are sorted."""
        meta = self.route.metadata
        return (meta.creation_timestamp, meta.namespace, meta.name)


@dataclass(frozen=True, slots=True)
class Source:
    """What there is of Gateway API, and what decides what belongs together. `namespaces`: with their labels."""

    routes: tuple[Route, ...] = ()
    listeners: tuple[BoundListener, ...] = ()
    namespaces: Mapping[str, Labels] = field(default_factory=dict)
    grants: tuple[ReferenceGrant, ...] = ()
    entries: tuple[ServiceEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class GatewayApi:
    """`gateways`: one for each listener. `at_gateway`: by the reference of such a Gateway; `at_host`: by a service."""

    source: Source = field(default_factory=Source)
    gateways: tuple[Gateway, ...] = ()
    at_gateway: Mapping[str, tuple[Attached, ...]] = field(default_factory=dict)
    at_host: Mapping[str, tuple[Attached, ...]] = field(default_factory=dict)

    @property
    def routes(self) -> tuple[VirtualService, ...]:
        """Each attached route once, or twice where both Gateways and Services take it; `gateways` says which."""
        attached = (each for found in (*self.at_gateway.values(), *self.at_host.values()) for each in found)
        return tuple({id(each.route): each.route for each in attached}.values())


def gateway_api(resources: Iterable[object]) -> GatewayApi:
    """Of all resources. What does not fit is left out here, and told by `gateway_status`."""
    source = _source(list(resources))
    if not source.routes and not source.listeners:
        return GatewayApi()
    at_gateway: dict[str, list[Attached]] = {}
    at_host: dict[str, list[Attached]] = {}
    for route in source.routes:
        for key, attached in _at_gateways(route, source):
            at_gateway.setdefault(key, []).append(attached)
        for key, attached in _at_services(route, source.entries):
            at_host.setdefault(key, []).append(attached)
    return GatewayApi(
        source,
        tuple(translated(bound, source.namespaces, source.grants) for bound in source.listeners if bound.is_served),
        {key: tuple(found) for key, found in at_gateway.items()},
        {key: tuple(found) for key, found in at_host.items()},
    )


def _source(kept: Sequence[object]) -> Source:
    routes = [each for each in kept if isinstance(each, ROUTES)]
    return Source(
        tuple(sorted(routes, key=_age)),
        tuple(bound_listeners(each for each in kept if isinstance(each, KubernetesGateway))),
        _namespaces(kept),
        tuple(each for each in kept if isinstance(each, ReferenceGrant)),
        tuple(each for each in kept if isinstance(each, ServiceEntry)),
    )


def _namespaces(resources: Iterable[object]) -> dict[str, Labels]:
    """With their labels; those that only objects mention have none."""
    found: dict[str, Labels] = {}
    for each in resources:
        if isinstance(each, Namespace):
            found[each.metadata.name] = each.metadata.labels
        elif isinstance(each, (*ROUTES, KubernetesGateway)):
            found.setdefault(each.metadata.namespace, {})
    return found


def _age(route: Route) -> tuple[str, str, str]:
    meta = route.metadata
    return (meta.creation_timestamp, meta.namespace, meta.name)


# --- at Gateways


def _at_gateways(route: Route, source: Source) -> Iterator[tuple[str, Attached]]:
    found: dict[str, tuple[str, ...]] = {}
    for parent in route.spec.parent_refs:
        for bound in source.listeners:
            if refers(parent, route, bound) and bound.is_served and refusal(route, bound, source.namespaces) is None:
                found[bound.reference] = bound.common(hostnames(route))
    if found:
        translated_route = virtual_service(route, tuple(found), permit(route, source.grants))
        for reference, hosts in found.items():
            yield reference, Attached(kind_of(route), translated_route, hosts)


def hostnames(route: Route) -> tuple[str, ...]:
    """Connections of a TCPRoute are for nobody by name."""
    return (ANY,) if isinstance(route, TCPRoute) else route.spec.hostnames or (ANY,)


def refers(parent: ParentReference, route: Route, bound: BoundListener) -> bool:
    """Whether a route's parent is this listener, or its Gateway as a whole."""
    meta, listener = bound.gateway.metadata, bound.listener
    return (
        (parent.group, parent.kind) == (GATEWAY_API, "Gateway")
        and (parent.namespace or route.metadata.namespace, parent.name) == (meta.namespace, meta.name)
        and parent.section_name in ("", listener.name)
        and parent.port in (0, listener.port)
    )


def refusal(route: Route, bound: BoundListener, namespaces: Mapping[str, Labels]) -> tuple[str, str] | None:
    """Why a listener does not take a route, as Gateway API's reason and in words; None: it does."""
    own = route.metadata.namespace
    if kind_of(route) not in bound.supports:
        fit = ", ".join(bound.supports)
        return "NotAllowedByListeners", f"listener {bound.listener.name} is of {bound.speaks} and takes {fit}"
    if not bound.takes(kind_of(route)):
        return "NotAllowedByListeners", f"listener {bound.listener.name} takes no {kind_of(route)}"
    if not bound.takes_from(own, namespaces.get(own, {})):
        return "NotAllowedByListeners", f"listener {bound.listener.name} takes no routes of namespace {own}"
    if not bound.common(hostnames(route)):
        return "NoMatchingListenerHostname", f"listener {bound.listener.name} is for {bound.hostname}"
    return None


def permit(route: Route, grants: Sequence[ReferenceGrant]) -> Permit:
    own, kind = route.metadata.namespace, kind_of(route)

    def permitted(backend: Reference) -> bool:
        if backend.namespace in ("", own):
            return True
        named = (backend.group, backend.kind, backend.name)
        return is_granted(grants, Asker(kind, own), backend.namespace, named)

    return permitted


# --- at Services: for whoever calls them inside the mesh


def _at_services(route: Route, entries: Sequence[ServiceEntry]) -> Iterator[tuple[str, Attached]]:
    """References to other namespaces need no leave here, as in Istio."""
    parents = [(parent, host) for parent in route.spec.parent_refs for host in called_hosts(parent, route, entries)]
    if parents:
        translated_route = virtual_service(route, (names.MESH,), lambda _: True)
        for parent, host in parents:
            yield host, Attached(kind_of(route), translated_route, (host,), parent.port)


def called_hosts(parent: ParentReference, route: Route, entries: Sequence[ServiceEntry]) -> tuple[str, ...]:
    """The hosts whose callers a route rules by this parent; none for a Gateway."""
    namespace = parent.namespace or route.metadata.namespace
    match parent.group, parent.kind:
        case "", "Service":
            return (names.fqdn(parent.name, namespace),)
        case group, "ServiceEntry" if group == ISTIO:
            named = (namespace, parent.name)
            found = (each for each in entries if (each.metadata.namespace, each.metadata.name) == named)
            return tuple(host.lower() for each in found for host in each.spec.hosts)
    return ()
