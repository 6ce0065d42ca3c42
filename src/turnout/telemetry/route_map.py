"""What the routes say about where their requests go, by the names that requests are counted under.

Envoy counts a copy without its caller, and a request that led nowhere without the service it was meant for. Both can be
told from the route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from turnout.compiler import mirror
from turnout.compiler.route import label
from turnout.mesh import names
from turnout.mesh.binding import gateways_of
from turnout.mesh.delegation import Entry, entries
from turnout.mesh.mesh import Mesh
from turnout.mesh.rule import Rule
from turnout.resources.virtual_service import Destination, HTTPRoute, VirtualService

Version = tuple[str, str]
"""A service's full name, and a subset of it."""


class Way(NamedTuple):
    """How a request went: by which route, through a gateway or from inside the mesh, and to where.

    Routes may share a name; where they lead tells them apart.
    """

    route: str
    from_gateway: bool
    to: Version


@dataclass(frozen=True, slots=True)
class Copying:
    """Of what goes these ways, `percent` are copied to the version that this is listed under."""

    ways: frozenset[Way]
    percent: float


@dataclass(frozen=True, slots=True)
class RouteMap:
    """`copying`: by where copies go. `versions`: by route, those that it leads to."""

    copying: Mapping[Version, tuple[Copying, ...]] = field(default_factory=dict)
    versions: Mapping[str, frozenset[Version]] = field(default_factory=dict)

    def version(self, route: str) -> Version:
        """The one service, and the one subset of it, that a route leads to; empty where there are several, or none."""
        found = self.versions.get(route, frozenset())
        hosts, subsets = {host for host, _ in found}, {subset for _, subset in found}
        if len(hosts) != 1:
            return "", ""
        return hosts.pop(), subsets.pop() if len(subsets) == 1 else ""


def route_map(mesh: Mesh) -> RouteMap:
    copying: dict[Version, tuple[Copying, ...]] = {}
    leading: dict[str, frozenset[Version]] = {}
    for root, found in _roots(mesh):
        for entry, route in _labelled(found):
            versions = _versions(entry.owner, entry.http)
            leading[route] = leading.get(route, frozenset()) | versions
            for to, percent in mirror.mirrored(entry.http):
                version = _version(entry.owner, to)
                copying[version] = (*copying.get(version, ()), _copying(root, route, versions, percent))
    return RouteMap(copying, leading)


def _roots(mesh: Mesh) -> Iterator[tuple[VirtualService, Iterable[Entry]]]:
    """What is in force, Gateway API's routes among it. Those of a delegate count for whoever delegates to it."""
    for root in mesh.virtual_services:
        if root.spec.hosts:
            yield root, mesh.entries(root)
    for route in mesh.gateway_api.routes:
        yield route, entries(route, {})


def _labelled(found: Iterable[Entry]) -> Iterator[tuple[Entry, str]]:
    """Every route under each of the names it is counted by."""
    for entry in found:
        for name in dict.fromkeys(
            label(Rule(0, "", http=entry.http, match=match, virtual_service=entry.owner, index=entry.index))
            for match in entry.http.match or (None,)
        ):
            yield entry, name


def _versions(owner: VirtualService, http: HTTPRoute) -> frozenset[Version]:
    return frozenset(_version(owner, choice.destination) for choice in http.route if choice.destination)


def _version(owner: VirtualService, to: Destination) -> Version:
    return names.fqdn(to.host, owner.metadata.namespace), to.subset


def _copying(owner: VirtualService, route: str, versions: frozenset[Version], percent: float) -> Copying:
    sides = {gateway != names.MESH for gateway in gateways_of(owner)}
    return Copying(frozenset(Way(route, side, version) for side in sides for version in versions), percent)
