"""What can be called: for every service its clusters and endpoints, by port, subset and view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from turnout.compiler import cluster, endpoint, upstream_tls
from turnout.compiler.config import Named, Versioned, named
from turnout.compiler.resolution import STATIC
from turnout.compiler.route import Scope
from turnout.compiler.upstream_tls import Secured
from turnout.memo import Memo
from turnout.mesh.client_tls import ClientTLS
from turnout.mesh.mesh import Mesh
from turnout.mesh.policy import HostPolicy
from turnout.mesh.rule import Target
from turnout.mesh.service import Instance, ServiceHost

Seen = tuple[tuple[str, HostPolicy], ...]
"""The views of one destination, and its policy in each."""
Outlook = Mapping[str, object]
"""By host, all that a route which leads there depends on."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A service's targets that can be called, and those of them that are spoken to in TLS."""

    targets: tuple[Target, ...]
    secured: Secured


@dataclass(frozen=True, slots=True)
class Destinations:
    """Everything, by the service's host. `scope`: what rules want to know of it."""

    scope: Scope
    seen: Mapping[str, Seen]
    reached: Mapping[str, Reached]

    @property
    def secured(self) -> Iterable[ClientTLS]:
        return chain.from_iterable(each.secured.values() for each in self.reached.values() if each.secured)

    def tls(self, target: Target) -> ClientTLS | None:
        return self.reached[target.host].secured.get(target)

    def outlook(self, sight: str, memo: Memo) -> Outlook:
        """As callers of one sight have it."""
        mesh = self.scope.mesh
        inputs = (mesh.services, mesh.views(sight, memo), self.seen, self.reached)
        return memo.each(("outlook", sight), inputs, lambda _, *known: known)


def destinations(mesh: Mesh, sights: Iterable[str], memo: Memo) -> Destinations:
    """As callers of these sights have them."""
    seen = _seen(mesh, tuple(sorted(set(sights))), memo)
    targets = memo.each("targets", (mesh.services, seen), _targets)

    def reached(_: str, own: tuple[Target, ...], *__: object) -> Reached:
        secured, callable_ones = upstream_tls.secured(mesh, own)
        return Reached(tuple(callable_ones), secured)

    credentials = (mesh.secrets, mesh.files, mesh.last_credentials)
    found = memo.each("reached", (targets, seen, mesh.services), reached, credentials)
    names = memo.each("cluster names", (found,), lambda _, each: tuple(target.cluster for target in each.targets))
    known = memo.of("known", (names,), lambda: frozenset(chain.from_iterable(names.values())))
    return Destinations(Scope(mesh, known), seen, found)


def _seen(mesh: Mesh, sights: tuple[str, ...], memo: Memo) -> Mapping[str, Seen]:
    views = [mesh.views(sight, memo) for sight in sights]

    def seen(host: str, *_: object) -> Seen:
        own = dict.fromkeys(("", *(view[host] for view in views)))
        return tuple((view, mesh.policy(host, view)) for view in own)

    inputs = (mesh.services, mesh.policies, mesh.ruled, *views)
    return memo.each("seen", inputs, seen, (sights, mesh.rulebook.wild))


def _targets(_: str, host: ServiceHost, seen: Seen) -> tuple[Target, ...]:
    return tuple(cluster.targets_of(host, seen))


def clusters(found: Destinations, memo: Memo) -> Named:
    mesh = found.scope.mesh
    resolved = memo.of("resolved", (mesh.services,), lambda: _resolved(mesh))
    members = {host: mesh.members[host] for host in resolved}

    def made(_: str, __: object, reached: Reached, *___: object) -> tuple[Versioned, ...]:
        return tuple(
            Versioned.of(cluster.cluster(mesh, target, reached.secured.get(target))) for target in reached.targets
        )

    each = memo.each("clusters", (mesh.services, found.reached, found.seen, members), made)
    return memo.of("clusters by name", (each,), lambda: named(*each.values()))


def _resolved(mesh: Mesh) -> tuple[str, ...]:
    """The services whose clusters find their endpoints by themselves."""
    return tuple(host for host, service in mesh.services.items() if service.resolution != STATIC)


def endpoints(found: Destinations, memo: Memo) -> Named:
    mesh = found.scope.mesh

    def made(
        _: str, service: ServiceHost, reached: Reached, __: Seen, ___: tuple[Instance, ...]
    ) -> tuple[Versioned, ...]:
        if service.resolution != STATIC:
            return ()
        return tuple(map(Versioned.of, endpoint.assignments(mesh, reached.targets)))

    each = memo.each("endpoints", (mesh.services, found.reached, found.seen, mesh.members), made)
    return memo.of("endpoints by name", (each,), lambda: named(*each.values()))
