"""What does not fit together between resources. Shown, and served as Istio would: things may arrive in any order."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from turnout.mesh import names, routing
from turnout.mesh.mesh import Mesh, http_ports
from turnout.mesh.service import selects
from turnout.problem import ObjectPath, Problem, Severity
from turnout.resources.core import Deployment
from turnout.resources.destination_rule import DestinationRule
from turnout.resources.gateway import Gateway
from turnout.resources.virtual_service import Destination, HTTPRoute, VirtualService

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def findings(mesh: Mesh, deployments: tuple[Deployment, ...] = ()) -> list[Problem]:
    """Everything that a reader of these resources would want to be told."""
    found: list[Problem] = []
    for virtual_service in mesh.virtual_services:
        found += _gateways(mesh, virtual_service)
        found += _routes(mesh, virtual_service)
        found += _unserved_routes(virtual_service)
    for gateway in mesh.gateways:
        found += _servers(gateway)
    for rule in mesh.destination_rules:
        found += _rule(mesh, rule)
    found += _contested_hosts(mesh)
    found += _services(mesh, deployments)
    return found


def _where(resource: VirtualService | DestinationRule | Gateway, path: str) -> ObjectPath:
    meta = resource.metadata
    return ObjectPath(type(resource).__name__, meta.namespace, meta.name, path)


def _hint(wanted: str, known: list[str], what: str) -> str:
    close = get_close_matches(wanted, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known {what}: {', '.join(known)}" if known else f"there are no {what} yet"


# --- VirtualServices


def _gateways(mesh: Mesh, virtual_service: VirtualService) -> Iterator[Problem]:
    known = [f"{g.metadata.namespace}/{g.metadata.name}" for g in mesh.gateways]
    for index, reference in enumerate(routing.gateways_of(virtual_service)):
        if reference not in (names.MESH, *known):
            where = _where(virtual_service, f"spec.gateways[{index}]")
            hint = _hint(reference, known, "Gateways")
            yield Problem("IST0101", Severity.ERROR, f'Referenced gateway not found: "{reference}"', where, hint)


def _routes(mesh: Mesh, virtual_service: VirtualService) -> Iterator[Problem]:
    for index, http in enumerate(virtual_service.spec.http):
        path = f"spec.http[{index}]"
        for at, choice in enumerate(http.route):
            if choice.destination:
                where = f"{path}.route[{at}].destination"
                yield from _destination(mesh, virtual_service, choice.destination, where)
        if http.mirror:
            yield from _destination(mesh, virtual_service, http.mirror, f"{path}.mirror")
        for at, policy in enumerate(http.mirrors):
            if policy.destination:
                where = f"{path}.mirrors[{at}].destination"
                yield from _destination(mesh, virtual_service, policy.destination, where)
        yield from _unsafe_mirror(virtual_service, http, path)


def _destination(mesh: Mesh, owner: VirtualService, destination: Destination, path: str) -> Iterator[Problem]:
    host = names.fqdn(destination.host, owner.metadata.namespace)
    service = mesh.services.get(host)
    if service is None:
        known = [s.name if s.namespace == owner.metadata.namespace else s.host for s in mesh.services.values()]
        message = f'Referenced host not found: "{destination.host}"'
        yield _missing(owner, f"{path}.host", message, _hint(destination.host, known, "Services"))
        return
    subsets = [subset.name for subset in mesh.policies[host].subsets]
    if destination.subset and destination.subset not in subsets:
        message = f'Referenced host+subset in destinationrule not found: "{destination.host}+{destination.subset}"'
        yield _missing(owner, f"{path}.subset", message, _hint(destination.subset, subsets, "subsets"))
    ports = [port.port for port in http_ports(service)]
    if destination.port and destination.port.number not in ports:
        message = f'Referenced host:port not found: "{destination.host}:{destination.port.number}"'
        yield _missing(owner, f"{path}.port", message, f"ports of {service.name}: {', '.join(map(str, ports))}")


def _missing(owner: VirtualService, path: str, message: str, hint: str) -> Problem:
    served = f"{hint} (until then such requests get 503, flag NC)"
    return Problem("IST0101", Severity.ERROR, message, _where(owner, path), served)


def _unsafe_mirror(owner: VirtualService, http: HTTPRoute, path: str) -> Iterator[Problem]:
    if not (http.mirror or http.mirrors):
        return
    methods = [match.method.exact if match.method else None for match in http.match] or [None]
    if not all(method in SAFE_METHODS for method in methods):
        field = "mirror" if http.mirror else "mirrors"
        yield Problem(
            "TNO301",
            Severity.WARNING,
            "requests that change data are mirrored too",
            _where(owner, f"{path}.{field}"),
            "limit the route to safe methods: `turnout mirror SERVICE --to SUBSET --methods GET,HEAD`",
        )


def _unserved_routes(owner: VirtualService) -> Iterator[Problem]:
    for field, routes in (("tcp", owner.spec.tcp), ("tls", owner.spec.tls)):
        if routes:
            yield _no_effect(owner, f"spec.{field}", f"{field} routes")
    for index, http in enumerate(owner.spec.http):
        if http.delegate:
            yield _no_effect(owner, f"spec.http[{index}].delegate", "delegate")


def _no_effect(owner: VirtualService | DestinationRule | Gateway, path: str, what: str) -> Problem:
    hint = "Istio on a cluster honours it; on one machine it is passed over"
    return Problem("TNO302", Severity.WARNING, f"no effect here: {what}", _where(owner, path), hint)


def _contested_hosts(mesh: Mesh) -> Iterator[Problem]:
    first: dict[str, VirtualService] = {}
    for virtual_service in mesh.virtual_services:
        if names.MESH not in routing.gateways_of(virtual_service):
            continue
        for index, own in enumerate(virtual_service.spec.hosts):
            host = names.fqdn(own, virtual_service.metadata.namespace)
            winner = first.setdefault(host, virtual_service)
            if winner is not virtual_service:
                other = f"{winner.metadata.namespace}/{winner.metadata.name}"
                yield Problem(
                    "IST0109",
                    Severity.ERROR,
                    f'The VirtualServices {other} and {virtual_service.metadata.namespace}/'
                    f'{virtual_service.metadata.name} define the same host "{host}" on the mesh: only the first counts',
                    _where(virtual_service, f"spec.hosts[{index}]"),
                    "merge the two, or bind one to a gateway",
                )  # fmt: skip


# --- other kinds


def _servers(gateway: Gateway) -> Iterator[Problem]:
    for index, server in enumerate(gateway.spec.servers):
        if server.port and not routing.is_http(server):
            what = f"a {server.port.protocol} server (plain HTTP servers are)"
            yield _no_effect(gateway, f"spec.servers[{index}].port.protocol", what)


def _rule(mesh: Mesh, rule: DestinationRule) -> Iterator[Problem]:
    host = names.fqdn(rule.spec.host, rule.metadata.namespace)
    if "*" not in host and host not in mesh.services:
        known = [service.name for service in mesh.services.values()]
        where = _where(rule, "spec.host")
        hint = _hint(rule.spec.host, known, "Services")
        yield Problem("IST0174", Severity.WARNING, f'The host "{rule.spec.host}" is not known', where, hint)
    policy = rule.spec.traffic_policy
    if policy and policy.tls and policy.tls.mode != "DISABLE":
        yield _no_effect(rule, "spec.trafficPolicy.tls", "tls to upstreams")


def _services(mesh: Mesh, deployments: tuple[Deployment, ...]) -> Iterator[Problem]:
    """A service that no Deployment stands behind."""
    for service in mesh.services.values():
        selector = service.spec.selector
        templates = [d.spec.template.metadata.labels for d in deployments if d.metadata.namespace == service.namespace]
        if not selector or any(selects(selector, labels) for labels in templates):
            continue
        wanted = ", ".join(f"{key}={value}" for key, value in selector.items())
        yield Problem(
            "TNO303",
            Severity.WARNING,
            f"Service {service.name} selects nothing: no Deployment's pods are labelled {wanted}",
            ObjectPath("Service", service.namespace, service.name, "spec.selector"),
            "requests to it get 503 (flag UH) until pods with these labels run",
        )
