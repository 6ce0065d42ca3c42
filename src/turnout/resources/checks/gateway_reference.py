"""What objects of Gateway API refer to: parents, backends; and host names, as it writes them."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.resources.checks.value import check_port
from turnout.resources.finding import Findings
from turnout.resources.forwarding_route import BackendRef
from turnout.resources.gateway_api import BackendObjectReference, GRPCBackendRef, HTTPBackendRef, ParentReference
from turnout.resources.host import is_ip
from turnout.resources.kinds import GATEWAY_API, ISTIO
from turnout.resources.layout import Path
from turnout.resources.name import is_label, is_subdomain
from turnout.resources.spelling import shown

LARGEST_WEIGHT = 1_000_000
MOST_PARENTS, MOST_HOSTNAMES, MOST_BACKENDS = 32, 16, 16

PARENTS = ((GATEWAY_API, "Gateway"), ("", "Service"), (ISTIO, "ServiceEntry"))
"""Group and kind of what a route can be attached to, as Istio has it."""


def check_host_name(host: str | None, at: Path, findings: Findings, *, may_be_wild: bool = False) -> None:
    """A precise name in lower case; `may_be_wild`: `*.example.com` too. None: there is none."""
    if host is None:
        return
    name = host.removeprefix("*.") if may_be_wild else host
    if host == "*":
        findings.add("TNO103", at, "`*` is no hostname in Gateway API", "leave `hostname` out to take every host")
    elif is_ip(host):
        findings.add("TNO103", at, f"{shown(host)}: an IP address is no hostname", "leave it out to take every host")
    elif not is_subdomain(name):
        hint = "labels of lower-case letters, digits and `-`, joined by dots, without a port"
        findings.add("TNO103", at, f"{shown(host)} is no hostname", hint)


def check_hostnames(hostnames: Sequence[str], findings: Findings) -> None:
    if len(hostnames) > MOST_HOSTNAMES:
        findings.add(
            "TNO172", ("spec", "hostnames"), f"{len(hostnames)} hostnames; Gateway API allows {MOST_HOSTNAMES}"
        )
    for number, host in enumerate(hostnames):
        check_host_name(host, ("spec", "hostnames", number), findings, may_be_wild=True)


def check_parents(parents: Sequence[ParentReference], findings: Findings) -> None:
    at: Path = ("spec", "parentRefs")
    if len(parents) > MOST_PARENTS:
        findings.add("TNO172", at, f"{len(parents)} parents; Gateway API allows {MOST_PARENTS}")
    seen: dict[tuple[str, str, str, str], list[tuple[str, int]]] = {}
    for number, parent in enumerate(parents):
        _check_parent(parent, (*at, number), findings)
        earlier = seen.setdefault((parent.group, parent.kind, parent.namespace, parent.name), [])
        section = (parent.section_name, parent.port)
        if any(section == other or not any(section) or not any(other) for other in earlier):
            message = f"{parent.kind} {parent.name} is a parent already"
            findings.add("TNO105", (*at, number), message, "tell its listeners apart by `sectionName` or `port`")
        earlier.append(section)


def _check_parent(parent: ParentReference, at: Path, findings: Findings) -> None:
    _check_names(parent.name, parent.namespace, at, findings)
    if parent.port:
        check_port(parent.port, (*at, "port"), findings)
    if (parent.group, parent.kind) not in PARENTS:
        message = f"no effect here: attached to a {_qualified(parent)}"
        findings.add("TNO173", at, message, "name a Gateway, or with `group: ''` a Service")


def _qualified(reference: ParentReference | BackendObjectReference | HTTPBackendRef | GRPCBackendRef) -> str:
    return f"{reference.kind}.{reference.group}" if reference.group else reference.kind


def check_backends(
    backends: Sequence[HTTPBackendRef | GRPCBackendRef | BackendRef], at: Path, findings: Findings
) -> None:
    if len(backends) > MOST_BACKENDS:
        findings.add("TNO172", at, f"{len(backends)} backends; Gateway API allows {MOST_BACKENDS}")
    for number, backend in enumerate(backends):
        check_backend(backend, (*at, number), findings)
        if not 0 <= backend.weight <= LARGEST_WEIGHT:
            message = f"weight {backend.weight} is not in the range 0..{LARGEST_WEIGHT:,}"
            findings.add("TNO112", (*at, number, "weight"), message)


def check_backend(
    backend: BackendObjectReference | HTTPBackendRef | GRPCBackendRef | BackendRef, at: Path, findings: Findings
) -> None:
    is_service = (backend.group, backend.kind) == ("", "Service")
    if is_service and "." in backend.name:
        namespace = backend.name.split(".")[1]
        hint = f"write `name: {backend.name.partition('.')[0]}`, `namespace: {namespace}`"
        findings.add("TNO113", (*at, "name"), f"{shown(backend.name)}: a backend is named without its namespace", hint)
    else:
        _check_names(backend.name, backend.namespace, at, findings)
    if backend.port is not None:
        check_port(backend.port, (*at, "port"), findings)
    elif is_service:
        findings.add("TNO104", at, "a reference to a Service needs a `port`", "that of the Service, not of its pods")


def _check_names(name: str, namespace: str, at: Path, findings: Findings) -> None:
    if not is_subdomain(name):
        findings.add("TNO101", (*at, "name"), f"{shown(name)} cannot be the name of an object")
    if namespace and not is_label(namespace):
        findings.add("TNO101", (*at, "namespace"), f"{shown(namespace)} cannot be a namespace")
