"""The virtual hosts of a workload's way out: every service under every name, and the hosts of VirtualServices."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from turnout.memo import Memo
from turnout.mesh import names, tcp
from turnout.mesh.binding import gateways_of
from turnout.mesh.delegation import Speaker, SpeakerKey
from turnout.mesh.gateway_api import Attached
from turnout.mesh.mesh import Mesh, http_ports, tcp_ports
from turnout.mesh.proxy import Egress
from turnout.mesh.rule import Caller, Rule, Target, default_rule, depends_on_labels, gateway_api_rules, in_order, rules
from turnout.mesh.service import ServiceHost, is_tls
from turnout.mesh.tcp import TcpRule
from turnout.mesh.virtual_host import VirtualHost

HTTP_PORT = 80


Claimants = Mapping[str, tuple[Speaker, ...]]
"""By host, what speaks for it, in order: the first whose rules apply does, and they are not merged."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The VirtualServices that a namespace's workloads see on the mesh, by the host that they speak for.

    `wildcards`: the most specific host first, of which one counts.
    """

    written: Claimants
    wildcards: tuple[str, ...]

    def on(self, host: str) -> tuple[Speaker, ...]:
        """Those that may rule a service."""
        host = host.lower()
        if host in self.written:
            return self.written[host]
        return next((self.written[each][:1] for each in self.wildcards if names.host_matches(each, host)), ())


def differ_by_labels(mesh: Mesh, namespace: str, memo: Memo) -> bool:
    """Whether two workloads of a namespace may have different virtual hosts."""
    by_label = memo.each("by label", (mesh.speakers,), lambda _, each: _depends_on_labels(each))
    return any(by_label.values()) and any(by_label[key] for key, hosts in _seen(mesh, namespace, memo).items() if hosts)


def _depends_on_labels(speaker: Speaker) -> bool:
    return depends_on_labels(speaker) or tcp.depends_on_labels(speaker.virtual_service)


def claims(mesh: Mesh, namespace: str, memo: Memo) -> Claims:
    seen = _seen(mesh, namespace, memo)
    written = memo.grouped(("claims", namespace), mesh.speakers, seen)
    return Claims(written, memo.of(("wildcards", namespace), (seen,), lambda: _wildcards(seen)))


def _wildcards(seen: Mapping[SpeakerKey, tuple[str, ...]]) -> tuple[str, ...]:
    found = {host for own in seen.values() for host in own if host.startswith("*")}
    return tuple(sorted(found, key=lambda host: (names.specificity(host), host), reverse=True))


def _seen(mesh: Mesh, namespace: str, memo: Memo) -> Mapping[SpeakerKey, tuple[str, ...]]:
    """The hosts of each VirtualService; none where the workloads of a namespace do not see it on the mesh."""

    def hosts(_: SpeakerKey, speaker: Speaker) -> tuple[str, ...]:
        vs, own = speaker.virtual_service, speaker.virtual_service.metadata.namespace
        if names.MESH not in gateways_of(vs) or not names.exported(vs.spec.export_to, own, namespace):
            return ()
        return tuple(dict.fromkeys(names.fqdn(written, own).lower() for written in vs.spec.hosts))

    return memo.each(("seen", namespace), (mesh.speakers,), hosts)


def egress_hosts(mesh: Mesh, proxy: Egress, name: str, memo: Memo) -> Mapping[str, tuple[VirtualHost, ...]]:
    """Hosts that are no service (port 80 only), then services: a name that both use belongs to the former.

    `name`: the route table's.
    """
    found = claims(mesh, proxy.namespace, memo)
    caller = Caller(names.MESH, HTTP_PORT, proxy.namespace, proxy.labels, mesh.sight(proxy.namespace, proxy.labels))
    foreign = _foreign(mesh, found, caller, name, memo)
    return memo.united(("egress hosts", name), foreign, _services(mesh, found, caller, name, memo))


def _services(
    mesh: Mesh, found: Claims, caller: Caller, name: str, memo: Memo
) -> Mapping[str, tuple[VirtualHost, ...]]:
    def hosts(
        _: str,
        service: ServiceHost,
        claimants: tuple[Speaker, ...] | None,
        attached: tuple[Attached, ...] | None,
        view: str,
    ) -> tuple[VirtualHost, ...]:
        if not _is_callable(service, caller.namespace):
            return ()
        return tuple(_virtual_hosts(_Called(service, claimants or (), attached or (), view), caller))

    inputs = (
        mesh.services,
        _claimants(mesh, found, name, memo),
        mesh.gateway_api.at_host,
        mesh.views(caller.sight, memo),
    )
    return memo.each(("services", name), inputs, hosts, (caller,))


def _claimants(mesh: Mesh, found: Claims, name: str, memo: Memo) -> Claimants:
    """Of services."""
    if not found.wildcards and all(host == host.lower() for host in mesh.services):
        return found.written
    inputs = (mesh.services, found.wildcards, tuple(found.written.get(each, ())[:1] for each in found.wildcards))
    covered = memo.of(("covered", name), inputs, lambda: _covered(mesh, found))
    return {host: found.written.get(host.lower(), claimants) for host, claimants in covered.items()}


def _covered(mesh: Mesh, found: Claims) -> Claimants:
    """Who speaks for a service by a wildcard."""
    wild = Claims({each: found.written[each] for each in found.wildcards}, found.wildcards)
    return {host: wild.on(host) for host in mesh.services}


def _is_callable(service: ServiceHost, namespace: str) -> bool:
    """A ServiceEntry that is not exported to a namespace is not there for it."""
    return service.entry is None or names.exported(service.entry.export_to, service.namespace, namespace)


@dataclass(frozen=True, slots=True)
class _Called:
    """A service as a caller sees it, and what may rule it."""

    service: ServiceHost
    claimants: tuple[Speaker, ...]
    attached: tuple[Attached, ...]
    view: str


def _virtual_hosts(called: _Called, caller: Caller) -> Iterator[VirtualHost]:
    service = called.service
    for port in http_ports(service):
        here = replace(caller, port=port.port)
        own = (
            _attached_rules(called, here)
            or _first_rules(called.claimants, here)
            or [default_rule(service.host, port.port, here, called.view)]
        )
        domains = _domains(service, port.port, caller.namespace)
        yield VirtualHost(f"{service.host}:{port.port}", domains, tuple(own))
    for port in tcp_ports(service):
        here = replace(caller, port=port.port)
        rule = _tcp_rule(called, here, tls=is_tls(port))
        domains = _domains(service, port.port, caller.namespace)
        yield VirtualHost(f"{service.host}:{port.port}", domains, tcp=rule)


def _tcp_rule(called: _Called, caller: Caller, *, tls: bool) -> TcpRule:
    """Where the first VirtualService that has something to say sends connections.

    What is tunnelled to a TLS port is for the host that the tunnel is for: its `tls` entries come before `tcp` ones.
    """
    service = called.service
    for attached in _attached_here(called, caller):
        found = tcp.tcp_rule(attached.route, caller, service.addresses)
        if found:
            return found
    for speaker in called.claimants:
        for hosts, rule in tcp.tls_rules(speaker.virtual_service, caller, service.addresses) if tls else ():
            if any(names.host_matches(host, service.host) for host in hosts):
                return rule
        found = tcp.tcp_rule(speaker.virtual_service, caller, service.addresses)
        if found:
            return found
    return TcpRule(caller.port, caller.sight, Target(service.host, caller.port, view=called.view))


def _attached_rules(called: _Called, caller: Caller) -> list[Rule]:
    """Of the routes of Gateway API that are attached to a service.

    Those of the caller's own namespace replace those that the service's namespace has for everybody.
    """
    for namespace in dict.fromkeys((caller.namespace, called.service.namespace)):
        own = [each for each in called.attached if each.route.metadata.namespace == namespace]
        found = in_order(rule for each in own for rule in gateway_api_rules(each, caller))
        if found:
            return found
    return []


def _attached_here(called: _Called, caller: Caller) -> list[Attached]:
    """Of these, those for connections of this port: of the caller's own namespace first, then the oldest."""
    own, all_ = caller.namespace, called.service.namespace
    found = [
        each
        for each in called.attached
        if each.route.spec.tcp and each.port in (0, caller.port) and each.route.metadata.namespace in (own, all_)
    ]
    return sorted(found, key=lambda each: (each.route.metadata.namespace != own, each.age))


def _first_rules(claimants: Iterable[Speaker], caller: Caller) -> list[Rule]:
    """A VirtualService none of whose rules applies to the caller counts as not there."""
    return next((found for each in claimants if (found := rules(each, caller))), [])


def _foreign(mesh: Mesh, found: Claims, caller: Caller, name: str, memo: Memo) -> Mapping[str, tuple[VirtualHost, ...]]:
    """Hosts that VirtualServices speak for and that are no services; of wildcards, those that cover none."""
    known = memo.of(("foreign", name), (mesh.services, frozenset(found.written)), lambda: _unknown(mesh, found.written))

    def hosts(host: str, _: None, claimants: tuple[Speaker, ...]) -> tuple[VirtualHost, ...]:
        own = _first_rules(claimants[:1] if host.startswith("*") else claimants, caller)
        return (VirtualHost(f"{host}:{HTTP_PORT}", _with_port([host], HTTP_PORT), tuple(own)),) if own else ()

    return memo.each(("foreign hosts", name), (known, found.written), hosts, (caller,))


def _unknown(mesh: Mesh, hosts: Iterable[str]) -> dict[str, None]:
    """Names first, then wildcards."""
    unknown = (
        host for host in sorted(hosts, key=lambda host: (host.startswith("*"), host)) if host not in mesh.services
    )
    return dict.fromkeys(
        host
        for host in unknown
        if not host.startswith("*") or not any(names.host_matches(host, known) for known in mesh.services)
    )


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
