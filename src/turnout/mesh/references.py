"""What VirtualServices and DestinationRules refer to, and is not there: gateways, hosts, subsets, ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from turnout.mesh import names
from turnout.mesh.gateway_hosts import gateways_of, reference
from turnout.mesh.mesh import Mesh, http_ports
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.problem import ObjectPath, Problem, Severity
from turnout.resources.destination_rule import DestinationRule
from turnout.resources.virtual_service import Destination, HTTPRoute, VirtualService

MOST_LISTED = 10


def references(mesh: Mesh, owner: VirtualService, callers: Iterable[str]) -> Iterator[Problem]:
    """IST0101 for every reference of a VirtualService that leads nowhere. `callers`: the namespaces of workloads."""
    yield from _gateways(mesh, owner)
    concerned = _callers(owner, callers)
    for index, http in enumerate(owner.spec.http):
        for path, destination in destinations(http):
            yield from _destination(mesh, owner, destination, f"spec.http[{index}].{path}", concerned)


def _callers(owner: VirtualService, workloads: Iterable[str]) -> list[str]:
    """The namespaces that requests come from which the VirtualService rules; the gateway's among them."""
    gateways, own = gateways_of(owner), owner.metadata.namespace
    found = {own, *workloads} if names.MESH in gateways else set()
    found |= {GATEWAY_NAMESPACE} if set(gateways) - {names.MESH} else set()
    return sorted(caller for caller in found if names.exported(owner.spec.export_to, own, caller))


def destinations(http: HTTPRoute) -> Iterator[tuple[str, Destination]]:
    """All places that a route sends requests or copies to, each with its path."""
    for at, choice in enumerate(http.route):
        if choice.destination:
            yield f"route[{at}].destination", choice.destination
    if http.mirror:
        yield "mirror", http.mirror
    for at, policy in enumerate(http.mirrors):
        if policy.destination:
            yield f"mirrors[{at}].destination", policy.destination


def unknown_host(mesh: Mesh, rule: DestinationRule) -> Iterator[Problem]:
    """IST0174 for a DestinationRule that no service falls under."""
    host = names.fqdn(rule.spec.host, rule.metadata.namespace)
    if host in mesh.services or any(names.host_matches(host, known) for known in mesh.services if "*" in host):
        return
    where = ObjectPath("DestinationRule", rule.metadata.namespace, rule.metadata.name, "spec.host")
    hint = _hint(rule.spec.host, _hosts(mesh, rule.metadata.namespace), "Services")
    yield Problem("IST0174", Severity.WARNING, f'The host "{rule.spec.host}" is not known', where, hint)


def _gateways(mesh: Mesh, owner: VirtualService) -> Iterator[Problem]:
    known = [reference(gateway) for gateway in mesh.gateways]
    for index, wanted in enumerate(gateways_of(owner)):
        if wanted not in (names.MESH, *known):
            message = f'Referenced gateway not found: "{wanted}"'
            yield _not_found(owner, f"spec.gateways[{index}]", message, _hint(wanted, known, "Gateways"))


def _destination(
    mesh: Mesh, owner: VirtualService, destination: Destination, path: str, callers: list[str]
) -> Iterator[Problem]:
    host = names.fqdn(destination.host, owner.metadata.namespace)
    service = mesh.services.get(host)
    if service is None:
        message = f'Referenced host not found: "{destination.host}"'
        hint = _hint(destination.host, _hosts(mesh, owner.metadata.namespace), "Services")
        yield _not_found(owner, f"{path}.host", message, _until_then(hint))
        return
    if destination.subset:
        yield from _subset(mesh, owner, destination, path, callers)
    ports = [port.port for port in http_ports(service)]
    if destination.port and destination.port.number not in ports:
        message = f'Referenced host:port not found: "{destination.host}:{destination.port.number}"'
        hint = f"ports of {service.name} that speak HTTP: {', '.join(map(str, ports)) or 'none'}"
        yield _not_found(owner, f"{path}.port", message, _until_then(hint))


def _subset(
    mesh: Mesh, owner: VirtualService, destination: Destination, path: str, callers: list[str]
) -> Iterator[Problem]:
    """What DestinationRules say may depend on who asks: the subset has to be there for every caller."""
    host, wanted = names.fqdn(destination.host, owner.metadata.namespace), destination.subset
    views = {mesh.view(host, caller) for caller in callers} or {""}
    subsets = {view: [subset.name for subset in mesh.policy(host, view).subsets] for view in sorted(views)}
    blind = [view for view, known in subsets.items() if wanted not in known]
    if not blind:
        return
    message = f'Referenced host+subset in destinationrule not found: "{destination.host}+{wanted}"'
    hint = _hint(wanted, subsets[blind[0]], "subsets")
    if len(blind) < len(subsets):
        there = ", ".join(view or mesh.services[host].namespace for view in blind)
        hint = f"callers in namespace {there} do not see the DestinationRule: see its namespace and exportTo"
    yield _not_found(owner, f"{path}.subset", message, _until_then(hint))


def _hosts(mesh: Mesh, namespace: str) -> list[str]:
    """As they may be written in that namespace."""
    return [service.name if service.namespace == namespace else host for host, service in mesh.services.items()]


def _not_found(owner: VirtualService, path: str, message: str, hint: str) -> Problem:
    where = ObjectPath("VirtualService", owner.metadata.namespace, owner.metadata.name, path)
    return Problem("IST0101", Severity.ERROR, message, where, hint)


def _until_then(hint: str) -> str:
    return f"{hint} (until then such requests get 503, flag NC)"


def _hint(wanted: str, known: list[str], what: str) -> str:
    close = get_close_matches(wanted, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    listed = ", ".join(known[:MOST_LISTED]) + (", …" if len(known) > MOST_LISTED else "")
    return f"known {what}: {listed}" if known else f"there are no {what} yet"
