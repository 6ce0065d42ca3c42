"""What a Rollout refers to, and is not there: its service, its subsets, its route."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from turnout.mesh import names
from turnout.mesh.mesh import Mesh
from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem
from turnout.resources.rollout import Rollout
from turnout.resources.spelling import closest
from turnout.resources.virtual_service import VirtualService

MOST_LISTED = 10


def rollout_references(mesh: Mesh, rollout: Rollout) -> Iterator[Problem]:
    """TNO306 for each of them: such a rollout cannot begin."""
    spec = rollout.spec
    host = names.fqdn(spec.service, rollout.metadata.namespace)
    if host not in mesh.services:
        known = [service.name for service in mesh.services.values()]
        yield _missing(rollout, "service", f"there is no service {host}", spec.service, known)
        return
    subsets = [subset.name for subset in mesh.policies[host].subsets]
    for field, subset in (("from", spec.from_), ("to", spec.to)):
        if subset not in subsets:
            yield _missing(rollout, field, f"{host} has no subset {subset}", subset, subsets)
    routes = list(_routes(mesh, host))
    if elsewhere := _of_gateway_api(mesh, host):
        where = ObjectPath("Rollout", rollout.metadata.namespace, rollout.metadata.name, "spec.service")
        hint = "rollouts change VirtualServices only: route the service with one"
        yield problem("TNO306", where, f"{host} is routed by {elsewhere}", hint)
    if spec.route and spec.route not in routes:
        yield _missing(rollout, "route", f"no HTTP route {spec.route} leads to {host}", spec.route, routes)


def _routes(mesh: Mesh, host: str) -> Iterator[str]:
    """The names of those that send requests there."""
    for owner in mesh.virtual_services:
        for http in owner.spec.http:
            hosts = (choice.destination.host for choice in http.route if choice.destination)
            if http.name and host in {names.fqdn(each, owner.metadata.namespace) for each in hosts}:
                yield http.name


def _of_gateway_api(mesh: Mesh, host: str) -> str:
    """The route of Gateway API that leads to the host, where no VirtualService does."""
    if any(_leads_to(owner, host) for owner in mesh.virtual_services):
        return ""
    source = mesh.gateway_api.source.routes
    led = (owner for owner in mesh.gateway_api.routes if _leads_to(owner, host))
    named = {(owner.metadata.namespace, owner.metadata.name) for owner in led}
    kinds = {(each.metadata.namespace, each.metadata.name): type(each).__name__ for each in source}
    return ", ".join(f"{kinds[key]} {key[0]}/{key[1]}" for key in sorted(named))


def _leads_to(owner: VirtualService, host: str) -> bool:
    chosen = (choice.destination for http in owner.spec.http for choice in http.route)
    return any(each and names.fqdn(each.host, owner.metadata.namespace) == host for each in chosen)


def _missing(rollout: Rollout, field: str, message: str, wanted: str, known: Sequence[str]) -> Problem:
    meta = rollout.metadata
    near = closest(wanted, known)
    listed = ", ".join(known[:MOST_LISTED]) + (", …" if len(known) > MOST_LISTED else "")
    hint = f"did you mean {near}?" if near else f"there are {listed}" if known else "there is none yet"
    return problem("TNO306", ObjectPath("Rollout", meta.namespace, meta.name, f"spec.{field}"), message, hint)
