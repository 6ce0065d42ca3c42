"""ServiceEntry: hosts outside the registry, how they are resolved, and their endpoints."""

from __future__ import annotations

from turnout.resources.checks.metadata import check_labels
from turnout.resources.checks.value import check_export_to, check_port, check_selector, check_unique, unix_fault
from turnout.resources.finding import Findings
from turnout.resources.host import fqdn_fault, host_fault, is_ip, is_subnet
from turnout.resources.layout import Path
from turnout.resources.name import is_host_label
from turnout.resources.protocol import is_http, is_protocol, is_tls
from turnout.resources.service_entry import ServiceEntry, ServiceEntrySpec, WorkloadEntry
from turnout.resources.spelling import shown

_UNIX = "unix://"


def check_service_entry(resource: ServiceEntry, findings: Findings) -> None:
    spec = resource.spec
    _check_hosts(spec, findings)
    _check_addresses(spec, findings)
    _check_ports(spec, findings)
    if spec.workload_selector is not None:
        check_selector(spec.workload_selector.labels, ("spec", "workloadSelector", "labels"), findings)
        if spec.endpoints:
            findings.add("TNO111", ("spec", "endpoints"), "`workloadSelector` and `endpoints` exclude each other")
        if spec.resolution == "NONE":
            findings.add("TNO169", ("spec", "workloadSelector"), "workloadSelector has no effect with resolution NONE")
    _check_resolution(spec, findings)
    check_export_to(spec.export_to, resource.metadata.namespace, findings, may_be_none=True)


def _check_hosts(spec: ServiceEntrySpec, findings: Findings) -> None:
    if not spec.hosts:
        findings.add("TNO165", ("spec",), "a ServiceEntry must have at least one host", "set `hosts`")
    for number, host in enumerate(spec.hosts):
        at: Path = ("spec", "hosts", number)
        if host == "*":
            findings.add("TNO103", at, "the host * is not allowed in a ServiceEntry", "write `*.` and a domain")
        elif fault := host_fault(host):
            findings.add("TNO103", at, fault)
        elif host.startswith("*") and not host.startswith("*."):
            findings.add("TNO169", at, f'partial wildcard "{host}"', "write `*.` and a domain")


def _check_addresses(spec: ServiceEntrySpec, findings: Findings) -> None:
    for number, address in enumerate(spec.addresses):
        at: Path = ("spec", "addresses", number)
        if not is_subnet(address):
            findings.add("TNO103", at, f"{shown(address)} is no address or CIDR block")
        elif "/" in address and spec.resolution not in ("NONE", "STATIC"):
            findings.add("TNO166", at, "a CIDR block is allowed with resolution NONE or STATIC only")


def _check_ports(spec: ServiceEntrySpec, findings: Findings) -> None:
    at: Path = ("spec", "ports")
    check_unique((port.name for port in spec.ports), at, "name", "the port name", findings)
    check_unique((str(port.number) for port in spec.ports), at, "number", "the port number", findings)
    for number, port in enumerate(spec.ports):
        here: Path = (*at, number)
        if not is_host_label(port.name):
            findings.add("TNO101", (*here, "name"), f"{shown(port.name)} cannot be the name of a port")
        if port.protocol and not is_protocol(port.protocol):
            findings.add("TNO156", (*here, "protocol"), f"unsupported protocol {shown(port.protocol)}")
        check_port(port.number, (*here, "number"), findings)
        if port.target_port:
            check_port(port.target_port, (*here, "targetPort"), findings)
        if port.protocol in ("", "TCP") and not spec.addresses:
            findings.add(
                "TNO169", here, "without `addresses` TCP traffic to this port cannot be told from other traffic"
            )
        if (
            spec.resolution != "NONE"
            and len(spec.hosts) > 1
            and not is_http(port.protocol)
            and not is_tls(port.protocol)
        ):
            message = "several hosts cannot be told apart on a port that speaks neither HTTP nor TLS"
            findings.add("TNO166", here, message, "write one ServiceEntry per host")


def _check_resolution(spec: ServiceEntrySpec, findings: Findings) -> None:
    at: Path = ("spec", "endpoints")
    match spec.resolution:
        case "NONE":
            if spec.endpoints:
                findings.add("TNO167", at, "with resolution NONE there are no endpoints", "use STATIC or DNS")
        case "DYNAMIC_DNS":
            _check_dynamic(spec, findings)
        case "DNS" | "DNS_ROUND_ROBIN":
            _check_dns(spec, findings)
        case "STATIC":
            for number, endpoint in enumerate(spec.endpoints):
                _check_static(endpoint, spec, (*at, number), findings)
    for number, endpoint in enumerate(spec.endpoints):
        _check_endpoint(endpoint, spec, (*at, number), findings)


def _check_dynamic(spec: ServiceEntrySpec, findings: Findings) -> None:
    """Resolved per request, by the name that the request asks for."""
    if spec.location == "MESH_INTERNAL":
        message = "resolution DYNAMIC_DNS is for hosts outside the mesh"
        findings.add("TNO166", ("spec", "location"), message, "leave out `location: MESH_INTERNAL`")
    if spec.endpoints:
        findings.add("TNO167", ("spec", "endpoints"), "with resolution DYNAMIC_DNS there are no endpoints")
    for number, host in enumerate(spec.hosts):
        if not host.startswith("*"):
            hint = "use resolution DNS for a single host"
            findings.add("TNO166", ("spec", "hosts", number), "resolution DYNAMIC_DNS is for wildcard hosts", hint)


def _check_dns(spec: ServiceEntrySpec, findings: Findings) -> None:
    for number, host in enumerate(spec.hosts if not spec.endpoints else ()):
        if fqdn_fault(host):
            message = f"{shown(host)} cannot be resolved: without endpoints a host must be a whole name"
            findings.add("TNO167", ("spec", "hosts", number), message, "add `endpoints`, or use DYNAMIC_DNS")
    if spec.resolution == "DNS_ROUND_ROBIN" and len(spec.endpoints) > 1:
        findings.add("TNO167", ("spec", "endpoints"), "with resolution DNS_ROUND_ROBIN there is at most one endpoint")
    for number, endpoint in enumerate(spec.endpoints):
        if fqdn_fault(endpoint.address) and not is_ip(endpoint.address):
            message = f"{shown(endpoint.address)} is neither a host name nor an IP address"
            findings.add("TNO168", ("spec", "endpoints", number, "address"), message)


def _check_static(endpoint: WorkloadEntry, spec: ServiceEntrySpec, at: Path, findings: Findings) -> None:
    address = endpoint.address
    if address.startswith(_UNIX):
        if fault := unix_fault(address.removeprefix(_UNIX)):
            findings.add("TNO168", (*at, "address"), fault)
        if endpoint.ports:
            findings.add("TNO168", (*at, "ports"), f"the unix endpoint {shown(address)} must not include ports")
        if len(spec.ports) != 1:
            findings.add("TNO168", (*at, "address"), "exactly 1 service port required for unix endpoints")
    elif not address and endpoint.network:
        findings.add("TNO169", at, "the endpoint has a network, but no address")
    elif not is_ip(address):
        hint = "use resolution DNS for host names"
        findings.add("TNO168", (*at, "address"), f"{shown(address)} is no IP address", hint)


def _check_endpoint(endpoint: WorkloadEntry, spec: ServiceEntrySpec, at: Path, findings: Findings) -> None:
    names = {port.name for port in spec.ports}
    check_labels(endpoint.labels, (*at, "labels"), findings)
    for name, number in endpoint.ports.items():
        if name not in names:
            known = ", ".join(sorted(names)) or "none"
            message = f"the endpoint's port {shown(name)} is not defined by the ServiceEntry"
            findings.add("TNO168", (*at, "ports", name), message, f"its ports are {known}")
        check_port(number, (*at, "ports", name), findings)
