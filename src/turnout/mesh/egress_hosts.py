"""The virtual hosts of a workload's way out: every service under every name, and the hosts of VirtualServices."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from turnout.mesh import names, tcp
from turnout.mesh.binding import gateways_of
from turnout.mesh.mesh import Mesh, http_ports, tcp_ports
from turnout.mesh.proxy import Egress
from turnout.mesh.rule import Caller, Rule, Target, default_rule, depends_on_labels, gateway_api_rules, in_order, rules
from turnout.mesh.service import ServiceHost, is_tls
from turnout.mesh.tcp import TcpRule
from turnout.mesh.virtual_host import VirtualHost
from turnout.resources.virtual_service import VirtualService

HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class Claims:
    """The VirtualServices that a namespace's workloads see on the mesh, by the host that they speak for.

    `wildcards`: each with its first VirtualService, the most specific host first.
    """

    exact: dict[str, list[VirtualService]]
    wildcards: dict[str, VirtualService]

    def on(self, host: str) -> list[VirtualService]:
        """Those that may rule a service, in order; the first whose rules apply does, and they are not merged."""
        host = host.lower()
        if host in self.exact:
            return self.exact[host]
        return [vs for wildcard, vs in self.wildcards.items() if names.host_matches(wildcard, host)][:1]


def visible(mesh: Mesh, namespace: str) -> Iterator[VirtualService]:
    """The VirtualServices that workloads of a namespace see on the mesh."""
    for vs in mesh.virtual_services:
        if names.MESH in gateways_of(vs) and names.exported(vs.spec.export_to, vs.metadata.namespace, namespace):
            yield vs


def differ_by_labels(mesh: Mesh, namespace: str) -> bool:
    """Whether two workloads of a namespace may have different virtual hosts."""
    return any(depends_on_labels(mesh, vs) or tcp.depends_on_labels(vs) for vs in visible(mesh, namespace))


def claims(mesh: Mesh, namespace: str) -> Claims:
    exact: dict[str, list[VirtualService]] = {}
    wildcards: dict[str, VirtualService] = {}
    for vs in visible(mesh, namespace):
        for written in vs.spec.hosts:
            host = names.fqdn(written, vs.metadata.namespace).lower()
            if host.startswith("*"):
                wildcards.setdefault(host, vs)
            else:
                exact.setdefault(host, []).append(vs)
    ranked = sorted(wildcards, key=names.specificity, reverse=True)
    return Claims(exact, {host: wildcards[host] for host in ranked})


def egress_hosts(mesh: Mesh, proxy: Egress) -> list[VirtualHost]:
    """Hosts that are no service (port 80 only), then services: a name that both use belongs to the former."""
    found = claims(mesh, proxy.namespace)
    caller = Caller(names.MESH, HTTP_PORT, proxy.namespace, proxy.labels, mesh.sight(proxy.namespace, proxy.labels))
    hosts = [_foreign_host(host, first) for host, first in _foreign(mesh, found, caller)]
    for service in _callable(mesh, proxy.namespace):
        claimants = found.on(service.host)
        for port in http_ports(service):
            here = replace(caller, port=port.port)
            own = (
                _attached_rules(mesh, service, here)
                or _first_rules(mesh, claimants, here)
                or [default_rule(mesh, service.host, port.port, here)]
            )
            domains = _domains(service, port.port, proxy.namespace)
            hosts.append(VirtualHost(f"{service.host}:{port.port}", domains, tuple(own)))
        for port in tcp_ports(service):
            here = replace(caller, port=port.port)
            rule = _tcp_rule(mesh, service, here, claimants, tls=is_tls(port))
            domains = _domains(service, port.port, proxy.namespace)
            hosts.append(VirtualHost(f"{service.host}:{port.port}", domains, tcp=rule))
    return hosts


def _callable(mesh: Mesh, namespace: str) -> Iterator[ServiceHost]:
    """A ServiceEntry that is not exported to a namespace is not there for it."""
    for service in mesh.services.values():
        if service.entry is None or names.exported(service.entry.export_to, service.namespace, namespace):
            yield service


def _tcp_rule(
    mesh: Mesh, service: ServiceHost, caller: Caller, claimants: Iterable[VirtualService], *, tls: bool
) -> TcpRule:
    """Where the first VirtualService that has something to say sends connections.

    What is tunnelled to a TLS port is for the host that the tunnel is for: its `tls` entries come before `tcp` ones.
    """
    for virtual_service in claimants:
        for hosts, rule in tcp.tls_rules(virtual_service, caller, service.addresses) if tls else ():
            if any(names.host_matches(host, service.host) for host in hosts):
                return rule
        found = tcp.tcp_rule(virtual_service, caller, service.addresses)
        if found:
            return found
    view = mesh.view(service.host, caller.sight)
    return TcpRule(caller.port, caller.sight, Target(service.host, caller.port, view=view))


def _attached_rules(mesh: Mesh, service: ServiceHost, caller: Caller) -> list[Rule]:
    """Of the routes of Gateway API that are attached to a service.

    Those of the caller's own namespace replace those that the service's namespace has for everybody.
    """
    attached = mesh.gateway_api.at_host.get(service.host, ())
    for namespace in dict.fromkeys((caller.namespace, service.namespace)):
        own = [each for each in attached if each.route.metadata.namespace == namespace]
        found = in_order(rule for each in own for rule in gateway_api_rules(each, caller))
        if found:
            return found
    return []


def _first_rules(mesh: Mesh, claimants: Iterable[VirtualService], caller: Caller) -> list[Rule]:
    """A VirtualService none of whose rules applies to the caller counts as not there."""
    return next((found for vs in claimants if (found := rules(mesh, vs, caller))), [])


def _foreign(mesh: Mesh, found: Claims, caller: Caller) -> Iterator[tuple[str, list[Rule]]]:
    for host, claimants in found.exact.items():
        if host not in mesh.services:
            yield host, _first_rules(mesh, claimants, caller)
    for wildcard, virtual_service in found.wildcards.items():
        if not any(names.host_matches(wildcard, host) for host in mesh.services):
            yield wildcard, rules(mesh, virtual_service, caller)


def _foreign_host(host: str, found: list[Rule]) -> VirtualHost:
    return VirtualHost(f"{host}:{HTTP_PORT}", _with_port([host], HTTP_PORT) if found else (), tuple(found))


def _domains(service: ServiceHost, port: int, caller_namespace: str) -> tuple[str, ...]:
    """Every name the caller may use. A forward proxy sees all ports, so each name is listed with its port."""
    if service.entry is not None:
        called = [service.host, *(address for address in service.addresses if "/" not in address)]
        return _with_port(called, port)
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
        written = f"[{form}]" if _is_ipv6(form) else form
        domains += [written] if port == HTTP_PORT else []
        domains.append(f"{written}:{port}")
    return tuple(domains)


def _is_ipv6(form: str) -> bool:
    try:
        return ":" in form and ipaddress.ip_address(form).version == 6
    except ValueError:
        return False
