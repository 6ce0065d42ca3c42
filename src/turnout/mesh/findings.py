"""What does not fit together between resources. Shown, and served as Istio would: things may arrive in any order."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.mesh import gateway_servers, names, server_tls
from turnout.mesh.delegation import lost
from turnout.mesh.gateway_hosts import gateways_of
from turnout.mesh.mesh import Mesh
from turnout.mesh.no_effect import no_effect
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.mesh.references import references, unknown_host
from turnout.mesh.rollout_references import rollout_references
from turnout.mesh.service import selects
from turnout.problem import ObjectPath, Problem, Severity
from turnout.resources.codes import problem
from turnout.resources.core import Deployment
from turnout.resources.destination_rule import DestinationRule
from turnout.resources.finding import dotted
from turnout.resources.gateway import Gateway
from turnout.resources.header_variable import variable_fault
from turnout.resources.layout import Path
from turnout.resources.rollout import Rollout
from turnout.resources.virtual_service import HeaderOperations, Headers, HTTPRoute, VirtualService

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def findings(mesh: Mesh, deployments: tuple[Deployment, ...] = (), rollouts: tuple[Rollout, ...] = ()) -> list[Problem]:
    """Everything that a reader of these resources would want to be told."""
    found: list[Problem] = []
    callers = {deployment.metadata.namespace for deployment in deployments}
    known = {(each.metadata.namespace, each.metadata.name): each for each in mesh.virtual_services}
    for virtual_service in mesh.virtual_services:
        found += references(mesh, virtual_service, callers)
        found += _unsafe_mirrors(virtual_service)
        found += _out_of_reach(virtual_service)
        found += _unknown_variables(virtual_service)
        found += lost(virtual_service, known)
    for rule in mesh.destination_rules:
        found += unknown_host(mesh, rule)
    for rollout in rollouts:
        found += rollout_references(mesh, rollout)
    found += gateway_servers.conflicts(mesh)
    found += server_tls.unusable(mesh)
    found += _contested_hosts(mesh)
    found += _passed_over(mesh)
    found += _services(mesh, deployments)
    return found


def _unsafe_mirrors(owner: VirtualService) -> Iterator[Problem]:
    for index, http in enumerate(owner.spec.http):
        if (http.mirror or http.mirrors) and not _is_safe(http):
            where = _where(owner, f"spec.http[{index}].{'mirror' if http.mirror else 'mirrors'}")
            hint = "limit the route to safe methods: `turnout mirror SERVICE --to SUBSET --methods GET,HEAD`"
            yield problem("TNO301", where, "requests that change data are mirrored too", hint)


def _is_safe(http: HTTPRoute) -> bool:
    methods = [match.method.exact if match.method else None for match in http.match] or [None]
    return all(method in SAFE_METHODS for method in methods)


def _out_of_reach(owner: VirtualService) -> Iterator[Problem]:
    """Bound to a gateway that, in its own namespace, does not see the VirtualService."""
    scopes, own = owner.spec.export_to, owner.metadata.namespace
    if set(gateways_of(owner)) - {names.MESH} and not names.exported(scopes, own, GATEWAY_NAMESPACE):
        message = f"exportTo hides it from the gateway, which is in namespace {GATEWAY_NAMESPACE}"
        yield problem("TNO304", _where(owner, "spec.exportTo"), message)


def _unknown_variables(owner: VirtualService) -> Iterator[Problem]:
    for index, http in enumerate(owner.spec.http):
        headers: list[tuple[Path, Headers | None]] = [(("spec", "http", index, "headers"), http.headers)]
        headers += [(("spec", "http", index, "route", at, "headers"), c.headers) for at, c in enumerate(http.route)]
        for path, operations in headers:
            for where, value in _header_values(path, operations):
                if fault := variable_fault(value):
                    yield problem("TNO305", _where(owner, dotted(where)), fault)


def _header_values(path: Path, headers: Headers | None) -> Iterator[tuple[Path, str]]:
    for side in ("request", "response"):
        operations: HeaderOperations | None = getattr(headers, side, None)
        for verb in ("set", "add") if operations else ():
            for name, value in getattr(operations, verb).items():
                yield (*path, side, verb, name), value


def _contested_hosts(mesh: Mesh) -> Iterator[Problem]:
    """On the mesh only one VirtualService speaks for a host, among those that some namespace sees together."""
    claimed: dict[str, list[tuple[VirtualService, int]]] = {}
    for virtual_service in mesh.virtual_services:
        if names.MESH in gateways_of(virtual_service):
            for index, written in enumerate(virtual_service.spec.hosts):
                host = names.fqdn(written, virtual_service.metadata.namespace)
                claimed.setdefault(host, []).append((virtual_service, index))
    for host, claims in claimed.items():
        for own, index in claims if len(claims) > 1 else ():
            rivals = [vs for vs, _ in claims if vs is own or _seen_together(vs, own)]
            if len(rivals) > 1:
                yield _contested(rivals, host, _where(own, f"spec.hosts[{index}]"))


def _seen_together(a: VirtualService, b: VirtualService) -> bool:
    return any(
        names.exported(one.spec.export_to, one.metadata.namespace, namespace)
        for one, other in ((a, b), (b, a))
        for namespace in _scopes(other)
    )


def _scopes(owner: VirtualService) -> set[str]:
    """The namespaces that it is exported to; one that nobody has stands for all."""
    own = owner.metadata.namespace
    return {own if scope == "." else "" if scope == "*" else scope for scope in owner.spec.export_to or ("*",)}


def _contested(rivals: list[VirtualService], host: str, where: ObjectPath) -> Problem:
    """`rivals`: in the order in which they compete."""
    listed = ", ".join(f"{vs.metadata.namespace}/{vs.metadata.name}" for vs in rivals)
    message = f'The VirtualServices {listed} define the same host "{host}" on the mesh: only the first counts'
    return Problem("IST0109", Severity.ERROR, message, where, "merge them, or bind all but one to gateways only")


def _where(owner: VirtualService, path: str) -> ObjectPath:
    return ObjectPath("VirtualService", owner.metadata.namespace, owner.metadata.name, path)


def _passed_over(mesh: Mesh) -> Iterator[Problem]:
    ruling: tuple[VirtualService | DestinationRule | Gateway, ...] = (
        *mesh.virtual_services,
        *mesh.destination_rules,
        *mesh.gateways,
    )
    for resource in ruling:
        meta = resource.metadata
        yield from no_effect(ObjectPath(type(resource).__name__, meta.namespace, meta.name), resource.spec)
    for service in mesh.services.values():
        yield from no_effect(ObjectPath("Service", service.namespace, service.name), service.spec)


def _services(mesh: Mesh, deployments: tuple[Deployment, ...]) -> Iterator[Problem]:
    """A service that no Deployment stands behind."""
    templates: dict[str, list[dict[str, str]]] = {}
    for deployment in deployments:
        labels = dict(deployment.spec.template.metadata.labels)
        templates.setdefault(deployment.metadata.namespace, []).append(labels)
    for service in mesh.services.values():
        selector = service.spec.selector
        if service.spec.type == "ExternalName":
            continue
        if not any(selects(selector, labels) for labels in templates.get(service.namespace, ())):
            yield _selects_nothing(service.namespace, service.name, dict(selector))


def _selects_nothing(namespace: str, name: str, selector: dict[str, str]) -> Problem:
    wanted = ", ".join(f"{key}={value}" for key, value in selector.items())
    why = f"no Deployment's pods are labelled {wanted}" if selector else "it has no selector"
    where = ObjectPath("Service", namespace, name, "spec.selector" if selector else "spec")
    hint = "requests to it get 503 (flag UH) until pods with these labels run"
    return problem("TNO303", where, f"Service {name} selects nothing: {why}", hint if selector else None)
