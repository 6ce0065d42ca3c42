"""What can be called: services, their ports, and the instances that answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from turnout.mesh.locality import Locality, locality, parsed
from turnout.mesh.names import fqdn
from turnout.problem import ObjectPath
from turnout.resources import core
from turnout.resources.host import is_ip
from turnout.resources.service_entry import ServiceEntrySpec


class Protocol(StrEnum):
    """What a service port speaks."""

    HTTP = "http"
    HTTP2 = "http2"
    TCP = "tcp"


_HTTP2 = {"http2", "grpc", "grpc-web", "h2c", "kubernetes.io/h2c"}
_TLS = {"tls", "https"}
_TCP = {"tcp", "mongo", "mysql", "redis", "udp", "kubernetes.io/wss"} | _TLS


def port_protocol(port: core.ServicePort) -> Protocol:
    """`appProtocol`, else the port name's prefix before `-`; what neither says is taken for HTTP."""
    word = (port.app_protocol or port.name.partition("-")[0]).lower()
    if word in _HTTP2:
        return Protocol.HTTP2
    return Protocol.TCP if word in _TCP or port.protocol != "TCP" else Protocol.HTTP


def is_tls(port: core.ServicePort) -> bool:
    """Whether connections to the port begin with the name that they are for (SNI)."""
    return (port.app_protocol or port.name.partition("-")[0]).lower() in _TLS


@dataclass(frozen=True, slots=True)
class ServiceHost:
    """A service under its full name.

    Of a ServiceEntry's host, `name` is the host itself, `entry` what the ServiceEntry says and `entry_name` its name;
    `spec` has its ports and selector as a Service would. `more`: later ones for the same host; `spec` has their ports.
    """

    namespace: str
    name: str
    spec: core.ServiceSpec
    entry: ServiceEntrySpec | None = None
    entry_name: str = ""
    more: tuple[ServiceHost, ...] = ()

    @property
    def host(self) -> str:
        return self.name if self.entry else fqdn(self.name, self.namespace)

    @property
    def owner(self) -> ObjectPath:
        """The object that it comes from."""
        if self.entry:
            return ObjectPath("ServiceEntry", self.namespace, self.entry_name)
        return ObjectPath("Service", self.namespace, self.name)

    @property
    def headless(self) -> bool:
        return self.spec.cluster_ip == "None"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Under which it is called besides its names: IP addresses, and of a ServiceEntry also blocks of them."""
        if self.entry:
            return self.entry.addresses
        return (self.spec.cluster_ip,) if is_ip(self.spec.cluster_ip) else ()

    @property
    def resolution(self) -> str:
        """How its endpoints are found, as a ServiceEntry names it. Those of a Service, and pods, are known: STATIC."""
        if self.entry:
            return "STATIC" if self.spec.selector else self.entry.resolution
        return "DNS" if self.spec.type == "ExternalName" else "STATIC"

    def port(self, number: int) -> core.ServicePort | None:
        return next((port for port in self.spec.ports if port.port == number), None)


@dataclass(frozen=True, slots=True)
class InstancePort:
    """A declared container port and where on this machine it really is."""

    container_port: int
    actual_port: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """One running pod that may be sent requests. A draining one finishes what it has and gets nothing new.

    Or an endpoint of a ServiceEntry, which is `written`: then `address` may be a host name, or `unix://` and a path.
    `weight`: its share beside other endpoints, 0 as much as 1. `locality`: `region/zone/subzone`.
    """

    namespace: str
    workload: str
    name: str
    address: str
    ports: tuple[InstancePort, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    draining: bool = False
    weight: int = 0
    locality: str = ""
    written: bool = False

    @property
    def place(self) -> Locality:
        return parsed(self.locality) if self.locality else locality(self.labels)

    def serves(self, port: core.ServicePort) -> bool:
        """Of a host that several ServiceEntries speak for, an endpoint has the ports of its own entry."""
        return not self.written or any(port.target_port == own.container_port for own in self.ports)

    def target(self, port: core.ServicePort) -> int:
        """Where a service port leads: by name, by number, else the one port that a process has."""
        wanted = port.target_port if port.target_port is not None else port.port
        for own in self.ports:
            if wanted in (own.name, own.container_port):
                return own.actual_port
        return self.ports[0].actual_port


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Kubernetes' equality selector; an empty one selects nothing."""
    return bool(selector) and selector.items() <= labels.items()


Selectors = Mapping[tuple[str, str, str], list[tuple[str, Mapping[str, str]]]]
"""By namespace and one label of each: the hosts, with what they select."""


def selectors(services: Iterable[ServiceHost]) -> Selectors:
    """Of services that select anything."""
    found: dict[tuple[str, str, str], list[tuple[str, Mapping[str, str]]]] = {}
    for service in services:
        if selector := service.spec.selector:
            found.setdefault((service.namespace, *min(selector.items())), []).append((service.host, selector))
    return found


def selecting(known: Selectors, instance: Instance) -> tuple[str, ...]:
    """The hosts of the services that select an instance."""
    if not instance.ports:
        return ()
    candidates = chain.from_iterable(known.get((instance.namespace, *each), ()) for each in instance.labels.items())
    return tuple(host for host, selector in candidates if selects(selector, instance.labels))


def revision(labels: Mapping[str, str]) -> str:
    """Istio's canonical revision: the version that metrics show."""
    keys = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")
    return next((labels[key] for key in keys if labels.get(key)), "latest")


def canonical_name(labels: Mapping[str, str], workload: str) -> str:
    """Istio's canonical service name of a workload."""
    keys = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
    return next((labels[key] for key in keys if labels.get(key)), workload)


def by_host(services: Iterable[ServiceHost], entries: Iterable[ServiceHost] = ()) -> dict[str, ServiceHost]:
    """Services under their full names, sorted. Of `entries` (hosts of ServiceEntries) those that are no Service."""
    found = {service.host: service for service in services}
    for entry in entries:
        found.setdefault(entry.host, entry)
    return dict(sorted(found.items()))
