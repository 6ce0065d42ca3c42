"""VirtualService: its hosts and gateways, its delegates, and its TLS and TCP routes."""

from __future__ import annotations

from turnout.resources.checks.destination import check_destinations
from turnout.resources.checks.http_route import check_http_route
from turnout.resources.checks.metadata import check_labels
from turnout.resources.checks.sticky import check_sticky
from turnout.resources.checks.value import check_export_to, check_gateway_names, check_port
from turnout.resources.finding import Findings
from turnout.resources.host import covers, host_fault, is_ip, is_subnet, sni_fault
from turnout.resources.layout import Path
from turnout.resources.spelling import shown
from turnout.resources.virtual_service import (
    L4MatchAttributes,
    TCPRoute,
    TLSMatchAttributes,
    TLSRoute,
    VirtualService,
    VirtualServiceSpec,
)


def check_virtual_service(resource: VirtualService, findings: Findings) -> None:
    spec = resource.spec
    at: Path = ("spec",)
    is_mesh = not spec.gateways or "mesh" in spec.gateways
    if spec.hosts:
        _check_hosts(spec, findings, is_mesh=is_mesh)
    else:
        _check_is_delegate(spec, findings)
    check_gateway_names(spec.gateways, (*at, "gateways"), findings)
    if not spec.http and not spec.tcp and not spec.tls:
        findings.add("TNO110", at, "http, tcp or tls must be provided in a VirtualService")
    for number, route in enumerate(spec.http):
        check_http_route(route, (*at, "http", number), findings, is_delegate=not spec.hosts, is_mesh=is_mesh)
    for number, tls in enumerate(spec.tls):
        _check_tls_route(tls, spec, (*at, "tls", number), findings)
    for number, tcp in enumerate(spec.tcp):
        _check_tcp_route(tcp, (*at, "tcp", number), findings)
    check_export_to(spec.export_to, resource.metadata.namespace, findings)
    check_sticky(resource.metadata, findings)


def _check_is_delegate(spec: VirtualServiceSpec, findings: Findings) -> None:
    """Without hosts it can only be the target of another VirtualService's `delegate`."""
    for name, given in (("gateways", spec.gateways), ("tls", spec.tls), ("tcp", spec.tcp)):
        if given:
            message = f"a VirtualService without hosts is a delegate, and cannot have `{name}`"
            findings.add("TNO125", ("spec", name), message, "add `hosts` if it is meant to stand alone")


def _check_hosts(spec: VirtualServiceSpec, findings: Findings, *, is_mesh: bool) -> None:
    has_sni = any(match.sni_hosts for route in spec.tls for match in route.match)
    faults = 0
    for number, host in enumerate(spec.hosts):
        at: Path = ("spec", "hosts", number)
        fault = sni_fault(host) if has_sni and not is_mesh else host_fault(host)
        if fault and not is_ip(host):
            findings.add("TNO103", at, fault)
            faults += 1
        elif host == "*" and is_mesh:
            hint = "name the hosts, or bind it to a gateway only with `gateways`"
            findings.add("TNO126", at, "the host * is not allowed for callers inside the mesh", hint)
            faults += 1
    if not faults:
        _check_overlaps(spec.hosts, findings)


def _check_overlaps(hosts: tuple[str, ...], findings: Findings) -> None:
    """Each host against the ends that wildcards stand for, so that many hosts take no longer than they must."""
    endings = {host[1:]: number for number, host in reversed(list(enumerate(hosts))) if host.startswith("*")}
    first: dict[str, int] = {}
    for number, host in enumerate(hosts):
        earlier = first.setdefault(host, number)
        text = host.removeprefix("*")
        covering = (endings.get(text[start:], number) for start in range(len(text) + 1))
        other = next((found for found in covering if hosts[found] != host), None)
        if earlier != number:
            findings.add("TNO126", ("spec", "hosts", number), f"{shown(host)} is given twice")
        elif other is not None:
            findings.add("TNO126", ("spec", "hosts", number), f"{shown(host)} overlaps with {shown(hosts[other])}")


def _check_tls_route(route: TLSRoute, spec: VirtualServiceSpec, at: Path, findings: Findings) -> None:
    if not route.match:
        findings.add("TNO127", at, "a TLS route must have at least one match", "write `match: [{sniHosts: […]}]`")
    for number, match in enumerate(route.match):
        _check_tls_match(match, spec, (*at, "match", number), findings)
    if not route.route:
        findings.add("TNO110", at, "the TLS route leads nowhere: `route` is required")
    check_destinations(route.route, (*at, "route"), findings)


def _check_tls_match(match: TLSMatchAttributes, spec: VirtualServiceSpec, at: Path, findings: Findings) -> None:
    if not match.sni_hosts:
        findings.add("TNO127", at, "a TLS match must have at least one SNI host", "set `sniHosts`")
    for number, host in enumerate(match.sni_hosts):
        _check_sni(host, spec, (*at, "sniHosts", number), findings)
    _check_l4(match, at, findings)


def _check_sni(host: str, spec: VirtualServiceSpec, at: Path, findings: Findings) -> None:
    is_mesh = "mesh" in spec.gateways
    if fault := host_fault(host) if is_mesh else sni_fault(host):
        if is_ip(host):
            findings.add("TNO135", at, f"{shown(host)} is an address, which most clients do not send as SNI")
        else:
            findings.add("TNO103", at, fault)
    elif not any(covers(wide, host) for wide in spec.hosts):
        listed = ", ".join(spec.hosts[:5])
        findings.add("TNO127", at, f"SNI host {shown(host)} is covered by none of the hosts ({listed})")


def _check_tcp_route(route: TCPRoute, at: Path, findings: Findings) -> None:
    for number, match in enumerate(route.match):
        _check_l4(match, (*at, "match", number), findings)
    if not route.route:
        findings.add("TNO110", at, "the TCP route leads nowhere: `route` is required")
    check_destinations(route.route, (*at, "route"), findings)


def _check_l4(match: TLSMatchAttributes | L4MatchAttributes, at: Path, findings: Findings) -> None:
    for number, subnet in enumerate(match.destination_subnets):
        if not is_subnet(subnet):
            findings.add("TNO103", (*at, "destinationSubnets", number), f"{shown(subnet)} is no address or CIDR block")
    if match.port != 0:
        check_port(match.port, (*at, "port"), findings)
    check_labels(match.source_labels, (*at, "sourceLabels"), findings)
    check_gateway_names(match.gateways, (*at, "gateways"), findings)
