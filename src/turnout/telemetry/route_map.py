"""What the routes say about where their requests go, by the names that requests are counted under.

Envoy counts a copy without its caller, and a request that led nowhere without the service it was meant for. Both can be
told from the route.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from turnout.compiler import mirror
from turnout.compiler.route import label
from turnout.mesh import names
from turnout.mesh.gateway_hosts import gateways_of
from turnout.mesh.mesh import Mesh
from turnout.mesh.names import parse_cluster
from turnout.mesh.rule import Rule
from turnout.resources.virtual_service import Destination, HTTPRoute, VirtualService
from turnout.telemetry.series import Series

Version = tuple[str, str]
"""A service's full name, and a subset of it."""


@dataclass(frozen=True, slots=True)
class Copying:
    """Of what goes by `route` to one of `versions`, `percent` are copied to the version that this is listed under."""

    route: str
    from_gateway: bool
    from_mesh: bool
    versions: frozenset[Version]
    percent: float

    def covers(self, series: Series, *, from_gateway: bool) -> bool:
        """Whether it is these requests that are copied. Routes of one name are told apart by where they lead."""
        cluster = parse_cluster(series.upstream_cluster)
        own = self.from_gateway if from_gateway else self.from_mesh
        return (
            own
            and series.route == self.route
            and cluster is not None
            and (cluster.host, cluster.subset) in self.versions
        )


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
    for owner in mesh.virtual_services:
        for http, route in _labelled(owner):
            versions = _versions(owner, http)
            leading[route] = leading.get(route, frozenset()) | versions
            for to, percent in mirror.mirrored(http):
                version = _version(owner, to)
                copying[version] = (*copying.get(version, ()), _copying(owner, route, versions, percent))
    return RouteMap(copying, leading)


def _labelled(owner: VirtualService) -> Iterator[tuple[HTTPRoute, str]]:
    """Every route under each of the names it is counted by."""
    for index, http in enumerate(owner.spec.http):
        for name in dict.fromkeys(
            label(Rule(0, "", http=http, match=match, virtual_service=owner, index=index))
            for match in http.match or (None,)
        ):
            yield http, name


def _versions(owner: VirtualService, http: HTTPRoute) -> frozenset[Version]:
    return frozenset(_version(owner, choice.destination) for choice in http.route if choice.destination)


def _version(owner: VirtualService, to: Destination) -> Version:
    return names.fqdn(to.host, owner.metadata.namespace), to.subset


def _copying(owner: VirtualService, route: str, versions: frozenset[Version], percent: float) -> Copying:
    ways = gateways_of(owner)
    return Copying(route, any(way != names.MESH for way in ways), names.MESH in ways, versions, percent)
