"""ServiceEntries as services of the mesh: a host each, with ports and endpoints as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turnout.mesh.service import Instance, InstancePort, ServiceHost
from turnout.resources.core import ServicePort, ServiceSpec
from turnout.resources.service_entry import ServiceEntry, ServiceEntryPort, ServiceEntrySpec, WorkloadEntry

UNIX = "unix://"


def hosts(entries: Iterable[ServiceEntry]) -> Iterator[ServiceHost]:
    """One for each host of each entry. A port without a protocol speaks TCP."""
    for entry in entries:
        meta, spec = entry.metadata, entry.spec
        selector = dict(spec.workload_selector.labels) if spec.workload_selector else {}
        ports = tuple(_port(port, by_name=not selector) for port in spec.ports)
        for host in spec.hosts:
            written = ServiceSpec(ports=ports, selector=selector)
            yield ServiceHost(meta.namespace, host.lower(), written, spec, meta.name)


def _port(port: ServiceEntryPort, *, by_name: bool) -> ServicePort:
    """`by_name`: endpoints say by its name where they listen; pods are asked for the number of the target."""
    target = port.name if by_name else port.target_port or port.number
    return ServicePort(port.number, port.name, "TCP", (port.protocol or "TCP").lower(), target)


def endpoints(service: ServiceHost) -> tuple[Instance, ...]:
    """Those that are written down. With DNS and none of them, it is the host that is resolved."""
    if service.entry is None:
        return _alias(service)
    spec = service.entry
    if spec.resolution in ("NONE", "DYNAMIC_DNS"):
        return ()
    given = spec.endpoints
    if not given and spec.resolution != "STATIC" and not spec.workload_selector:
        given = (WorkloadEntry(address=service.name),)
    return tuple(_instance(service, spec, each, at) for at, each in enumerate(given) if each.address)


def _instance(service: ServiceHost, spec: ServiceEntrySpec, given: WorkloadEntry, at: int) -> Instance:
    ports = (InstancePort(p.number, given.ports.get(p.name) or p.target_port or p.number, p.name) for p in spec.ports)
    return Instance(
        service.namespace,
        service.name,
        f"{service.entry_name}-{at + 1}",
        given.address,
        tuple(ports),
        given.labels,
        weight=given.weight,
        locality=given.locality,
    )


def _alias(service: ServiceHost) -> tuple[Instance, ...]:
    """Of an ExternalName, the name that it stands for."""
    spec = service.spec
    if spec.type != "ExternalName" or not spec.external_name or not spec.ports:
        return ()
    ports = tuple(InstancePort(port.port, port.port, port.name) for port in spec.ports)
    return (Instance(service.namespace, service.name, service.name, spec.external_name, ports),)
