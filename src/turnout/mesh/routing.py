"""The route table: which virtual host, and which rule of it, answers a request at one proxy.

The table is what is compiled to Envoy, and what a pretend request is asked of; so both agree by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from turnout.mesh import names
from turnout.mesh.mesh import Mesh, http_ports
from turnout.mesh.proxy import Egress, Ingress, Proxy
from turnout.mesh.service import ServiceHost
from turnout.resources.gateway import Server
from turnout.resources.virtual_service import Destination, HTTPMatchRequest, HTTPRoute, VirtualService

HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class Target:
    """A destination with host and port resolved; `cluster` may name one that does not exist (503 NC, as in Istio)."""

    host: str
    port: int
    subset: str = ""

    @property
    def cluster(self) -> str:
        return names.cluster(self.port, self.subset, self.host)


@dataclass(frozen=True, slots=True)
class Rule:
    """One `http` entry of a VirtualService under one of its matches, or a service's default rule.

    `http` None: no VirtualService, everything goes to `default`. `index` and `match_index` lead back to the field:
    `spec.http[index].match[match_index]`.
    """

    listener_port: int
    default: Target | None = None
    http: HTTPRoute | None = None
    match: HTTPMatchRequest | None = None
    virtual_service: VirtualService | None = None
    index: int = 0
    match_index: int = 0

    @property
    def name(self) -> str:
        """As Istio names routes: `http.name[.match.name]`; `default` without a VirtualService."""
        if self.http is None:
            return "default"
        return ".".join(part for part in (self.http.name, self.match.name if self.match else "") if part)

    @property
    def catch_all(self) -> bool:
        """Matches whatever arrives, so that nothing after it can be reached."""
        match = self.match
        if match is None:
            return True
        if match.headers or match.query_params or match.without_headers or match.method or match.scheme:
            return False
        if match.authority:
            return False
        uri = match.uri
        return uri is None or uri.prefix == "/" or uri.regex == ".*"


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """A set of domains that share their rules, in the order in which they are tried."""

    name: str
    domains: tuple[str, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class RouteTable:
    """All that one proxy knows of HTTP. What no host covers: `block_all` answers 502, else 404."""

    name: str
    hosts: tuple[VirtualHost, ...]
    block_all: bool


def target(mesh: Mesh, destination: Destination, namespace: str, listener_port: int) -> Target:
    """A destination as the VirtualService's namespace and the incoming port resolve it."""
    host = names.fqdn(destination.host, namespace)
    explicit = destination.port.number if destination.port else 0
    return Target(host, mesh.destination_port(host, explicit, listener_port), destination.subset)


def table(mesh: Mesh, proxy: Proxy) -> RouteTable:
    """The proxy's route table, with every domain unique (lower-cased; the first keeps it)."""
    if isinstance(proxy, Ingress):
        return RouteTable(proxy.name, _distinct(_gateway_hosts(mesh, proxy)), block_all=False)
    return RouteTable(proxy.name, _distinct(_egress_hosts(mesh, proxy)), block_all=True)


def _distinct(hosts: Iterable[VirtualHost]) -> tuple[VirtualHost, ...]:
    seen: set[str] = set()
    kept = []
    for host in hosts:
        domains = [d for d in dict.fromkeys(d.lower() for d in host.domains) if d not in seen]
        seen.update(domains)
        if domains:
            kept.append(replace(host, domains=tuple(domains)))
    return tuple(kept)


# --- gateways


def _gateway_hosts(mesh: Mesh, proxy: Ingress) -> list[VirtualHost]:
    """Routes of several VirtualServices on one host are appended in order, then catch-alls moved last (stable)."""
    rules: dict[str, list[Rule]] = {}
    for virtual_service, host in _bound(mesh, proxy.port):
        rules.setdefault(host, []).extend(_rules(virtual_service, proxy, proxy.port, _gateway_names(mesh, proxy.port)))
    return [
        VirtualHost(f"{host}:{proxy.port}", (host,), tuple(sorted(found, key=lambda rule: rule.catch_all)))
        for host, found in sorted(rules.items())
    ]


def _bound(mesh: Mesh, port: int) -> Iterator[tuple[VirtualService, str]]:
    """Each VirtualService bound to a server of this port, with every host that both name."""
    servers = [(f"{g.metadata.namespace}/{g.metadata.name}", g.metadata.namespace, s) for g in mesh.gateways
               for s in g.spec.servers if s.port and s.port.number == port and is_http(s)]  # fmt: skip
    for virtual_service in mesh.virtual_services:
        hosts: dict[str, None] = {}
        references = gateways_of(virtual_service)
        for gateway, namespace, server in servers:
            if gateway in references:
                hosts.update(dict.fromkeys(_common_hosts(server, namespace, virtual_service)))
        yield from ((virtual_service, host) for host in hosts)


def _common_hosts(server: Server, namespace: str, virtual_service: VirtualService) -> Iterator[str]:
    for entry in server.hosts:
        scope, _, pattern = entry.rpartition("/")
        scope = namespace if scope == "." else scope
        if scope not in ("", "*", virtual_service.metadata.namespace):
            continue
        for host in virtual_service.spec.hosts:
            common = names.narrower(pattern, names.fqdn(host, virtual_service.metadata.namespace))
            if common:
                yield common


def _gateway_names(mesh: Mesh, port: int) -> frozenset[str]:
    found = (g for g in mesh.gateways if any(s.port and s.port.number == port for s in g.spec.servers))
    return frozenset(f"{g.metadata.namespace}/{g.metadata.name}" for g in found)


def is_http(server: Server) -> bool:
    """Whether a Gateway server speaks plain HTTP."""
    return server.port is not None and server.port.protocol.upper() in ("HTTP", "HTTP2", "GRPC", "GRPC-WEB")


def gateways_of(virtual_service: VirtualService) -> tuple[str, ...]:
    """The gateways that a VirtualService is bound to, as `namespace/name` or `mesh`; none named means `mesh`."""
    namespace = virtual_service.metadata.namespace
    return tuple(names.gateway_reference(g, namespace) for g in virtual_service.spec.gateways) or (names.MESH,)


# --- egress


def _egress_hosts(mesh: Mesh, proxy: Egress) -> list[VirtualHost]:
    """A virtual host per service port, then one per VirtualService host that is no service (port 80 only)."""
    claims = [vs for vs in mesh.virtual_services if names.MESH in gateways_of(vs) and visible(vs, proxy.namespace)]
    hosts = [
        _service_host(mesh, proxy, service, port.port, _claimant(claims, service.host))
        for service in mesh.services.values()
        for port in http_ports(service)
    ]
    hosts += [_unknown_host(proxy, vs, host) for vs, host in _foreign(mesh, claims)]
    return sorted(hosts, key=lambda host: host.name)


def visible(virtual_service: VirtualService, namespace: str) -> bool:
    """`exportTo`: everywhere unless it says `.` or names namespaces."""
    scopes = virtual_service.spec.export_to or ("*",)
    own = virtual_service.metadata.namespace
    return "*" in scopes or namespace in scopes or ("." in scopes and namespace == own)


def _claimant(claims: list[VirtualService], host: str) -> VirtualService | None:
    """The one VirtualService that rules a mesh host: the most specific host, then the oldest; no merging."""
    best: tuple[tuple[bool, int], VirtualService] | None = None
    for virtual_service in claims:
        for own in virtual_service.spec.hosts:
            name = names.fqdn(own, virtual_service.metadata.namespace)
            if names.host_matches(name, host) and (best is None or names.specificity(name) > best[0]):
                best = (names.specificity(name), virtual_service)
    return best[1] if best else None


def _service_host(
    mesh: Mesh, proxy: Egress, service: ServiceHost, port: int, virtual_service: VirtualService | None
) -> VirtualHost:
    rules: Iterable[Rule] = ()
    if virtual_service is not None and virtual_service.spec.http:
        rules = _rules(virtual_service, proxy, port, frozenset((names.MESH,)))
    else:
        rules = (Rule(port, default=Target(service.host, port)),)
    return VirtualHost(f"{service.host}:{port}", _domains(service, port, proxy.namespace), tuple(rules))


def _domains(service: ServiceHost, port: int, caller_namespace: str) -> tuple[str, ...]:
    """Every name the caller may use. A forward proxy sees all ports, so each name is listed with its port."""
    namespace, name = service.namespace, service.name
    forms = [service.host, f"{service.host}."]
    forms += [name] if namespace == caller_namespace else []
    forms += [f"{name}.{namespace}.svc", f"{name}.{namespace}"]
    forms += [f"*.{form}" for form in forms] if service.headless else []
    if service.spec.cluster_ip not in ("", "None"):
        forms.append(service.spec.cluster_ip)
    return _with_port(forms, port)


def _with_port(forms: Iterable[str], port: int) -> tuple[str, ...]:
    domains: list[str] = []
    for form in forms:
        domains += [form] if port == HTTP_PORT else []
        domains.append(f"{form}:{port}")
    return tuple(domains)


def _foreign(mesh: Mesh, claims: list[VirtualService]) -> Iterator[tuple[VirtualService, str]]:
    seen: set[str] = set()
    for virtual_service in claims:
        for own in virtual_service.spec.hosts:
            host = names.fqdn(own, virtual_service.metadata.namespace)
            if host not in seen and not any(names.host_matches(host, known) for known in mesh.services):
                seen.add(host)
                yield virtual_service, host


def _unknown_host(proxy: Egress, virtual_service: VirtualService, host: str) -> VirtualHost:
    rules = _rules(virtual_service, proxy, HTTP_PORT, frozenset((names.MESH,)))
    # Envoy knows no wildcard in front of a port, so a wildcard host is listed without one.
    domains = (host,) if host.startswith("*") else _with_port((host,), HTTP_PORT)
    return VirtualHost(f"{host}:{HTTP_PORT}", domains, tuple(rules))


# --- rules


def _rules(virtual_service: VirtualService, proxy: Proxy, port: int, gateways: frozenset[str]) -> list[Rule]:
    """The rules that can apply at this proxy and port, up to and with the first that catches everything."""
    rules: list[Rule] = []
    for index, http in enumerate(virtual_service.spec.http):
        for match_index, match in enumerate(http.match or (None,)):
            if match is not None and not _applies(match, virtual_service, proxy, port, gateways):
                continue
            rule = Rule(port, None, http, match, virtual_service, index, match_index)
            rules.append(rule)
            if rule.catch_all:
                return rules
    return rules


def _applies(
    match: HTTPMatchRequest, virtual_service: VirtualService, proxy: Proxy, port: int, gateways: frozenset[str]
) -> bool:
    """What is decided before traffic flows. As in Istio, `gateways` set means labels and namespace are ignored."""
    if match.port and match.port != port:
        return False
    if match.gateways:
        own = virtual_service.metadata.namespace
        return any(names.gateway_reference(gateway, own) in gateways for gateway in match.gateways)
    if isinstance(proxy, Ingress):
        return not match.source_labels and not match.source_namespace
    labels_fit = match.source_labels.items() <= proxy.labels.items()
    return labels_fit and match.source_namespace in ("", proxy.namespace)
