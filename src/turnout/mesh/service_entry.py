"""ServiceEntries as services of the mesh: a host each, with ports and endpoints as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from turnout.mesh.service import Instance, InstancePort, ServiceHost
from turnout.resources.core import ServicePort, ServiceSpec
from turnout.resources.service_entry import ServiceEntry, ServiceEntryPort, ServiceEntrySpec, WorkloadEntry

UNIX = "unix://"


def hosts(entries: Iterable[ServiceEntry]) -> Iterator[ServiceHost]:
    """One for each host of each namespace. `entries`: the oldest first; it speaks for its host, others add to it.

    Source: pilot's `appendSidecarServices` and `canMergeServices`.
    """
    found: dict[tuple[str, str], list[ServiceEntry]] = {}
    for entry in entries:
        for host in entry.spec.hosts:
            own = found.setdefault((entry.metadata.namespace, host.lower()), [])
            if not own or not differences(own[0], entry):
                own.append(entry)
    for (_, host), (first, *others) in found.items():
        yield _merged(_host(first, host), [_host(other, host) for other in others])


def differences(one: ServiceEntry, other: ServiceEntry) -> list[str]:
    """What two entries for one host would have to agree on, and do not: the later one does not count then."""
    compared: tuple[tuple[str, object, object], ...] = (
        ("namespace", one.metadata.namespace, other.metadata.namespace),
        ("resolution", one.spec.resolution, other.spec.resolution),
        ("labels", dict(one.metadata.labels), dict(other.metadata.labels)),
        ("workloadSelector", _selector(one.spec), _selector(other.spec)),
        ("exportTo", set(one.spec.export_to), set(other.spec.export_to)),
    )
    return [what for what, first, second in compared if first != second]


def _merged(first: ServiceHost, others: Sequence[ServiceHost]) -> ServiceHost:
    """With the ports of all; of two with one number the older counts."""
    if not others:
        return first
    ports = {port.port: port for host in reversed((first, *others)) for port in host.spec.ports}
    own = [port.port for port in first.spec.ports]
    order = dict.fromkeys([*own, *(port.port for host in others for port in host.spec.ports)])
    spec = replace(first.spec, ports=tuple(ports[number] for number in order))
    return replace(first, spec=spec, more=tuple(others))


def _host(entry: ServiceEntry, host: str) -> ServiceHost:
    """A port without a protocol speaks TCP."""
    selector = _selector(entry.spec)
    ports = tuple(_port(port, written=not selector) for port in entry.spec.ports)
    spec = ServiceSpec(ports=ports, selector=selector)
    return ServiceHost(entry.metadata.namespace, host, spec, entry.spec, entry.metadata.name)


def _selector(spec: ServiceEntrySpec) -> dict[str, str]:
    return dict(spec.workload_selector.labels) if spec.workload_selector else {}


def _port(port: ServiceEntryPort, *, written: bool) -> ServicePort:
    """`written`: endpoints know where they listen for it; pods are asked for the number of the target."""
    target = port.number if written else port.target_port or port.number
    return ServicePort(port.number, port.name, "TCP", (port.protocol or "TCP").lower(), target)


def endpoints(service: ServiceHost) -> tuple[Instance, ...]:
    """Those that are written down, by all who speak for the host."""
    return tuple(instance for each in (service, *service.more) for instance in _own(each))


def _own(service: ServiceHost) -> tuple[Instance, ...]:
    """With DNS and none of them, it is the host that is resolved."""
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
        written=True,
    )


def _alias(service: ServiceHost) -> tuple[Instance, ...]:
    """Of an ExternalName, the name that it stands for."""
    spec = service.spec
    if spec.type != "ExternalName" or not spec.external_name or not spec.ports:
        return ()
    ports = tuple(InstancePort(port.port, port.port, port.name) for port in spec.ports)
    return (Instance(service.namespace, service.name, service.name, spec.external_name, ports),)
