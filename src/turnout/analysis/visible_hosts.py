"""Which hosts can be called from which namespace: Services and ServiceEntries, as exportTo lets them be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from turnout.mesh import names
from turnout.resources.core import Service
from turnout.resources.service_entry import ServiceEntry

EXPORT_TO = "networking.istio.io/exportTo"
"""The annotation of a Service."""
ALL = "*"


@dataclass(frozen=True, slots=True)
class VisibleHost:
    """`host`: a full name, or a wildcard. `endpoints`: the labels of those that a ServiceEntry lists."""

    host: str
    ports: tuple[int, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)
    endpoints: tuple[Mapping[str, str], ...] = ()


class VisibleHosts:
    """Hosts by the namespaces that see them; `*` is all of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], VisibleHost] = {}
        self._wildcards: list[tuple[str, VisibleHost]] = []
        self._written: dict[str, tuple[str, ...]] = {}

    def add(self, scopes: Iterable[str], found: VisibleHost) -> None:
        for scope in scopes:
            self._known[scope, found.host] = found
            if found.host.startswith("*"):
                self._wildcards.append((scope, found))

    def find(self, namespace: str, export_to: tuple[str, ...], host: str) -> VisibleHost | None:
        """What a rule of that namespace means by a host, as Istio's analysis looks it up: exact first, then wildcards.

        A rule that is exported elsewhere may mean what is seen there.
        """
        full = names.fqdn(host, namespace)
        scopes = [namespace if scope == "." else scope for scope in export_to] or [namespace]
        for scope in (ALL, *scopes):
            if found := self._known.get((scope, full)):
                return found
        return next((found for scope, found in self._wildcards if scope in (ALL, namespace) and _in(found, host)), None)

    def names(self, namespace: str) -> tuple[str, ...]:
        """As they may be written in that namespace, for hints: its own first."""
        if namespace not in self._written:
            own = f".{namespace}.svc.{names.DOMAIN}"
            near = (host for _, host in sorted(self._known, key=lambda known: not known[1].endswith(own)))
            self._written[namespace] = tuple(dict.fromkeys(host.removesuffix(own) for host in near))
        return self._written[namespace]


def visible_hosts(services: Iterable[Service], entries: Iterable[ServiceEntry]) -> VisibleHosts:
    """Where several are of one name, a Service counts before a ServiceEntry, whatever order they come in."""
    hosts = VisibleHosts()
    for entry in sorted(entries, key=_name):
        spec, own = entry.spec, entry.metadata.namespace
        selector = spec.workload_selector.labels if spec.workload_selector else {}
        labels = tuple(endpoint.labels for endpoint in spec.endpoints)
        for host in spec.hosts:
            ports = tuple(port.number for port in spec.ports)
            hosts.add(scopes(spec.export_to, own), VisibleHost(names.fqdn(host, own), ports, selector, labels))
    for service in sorted(services, key=_name):
        meta = service.metadata
        written = tuple(part for part in meta.annotations.get(EXPORT_TO, "").split(",") if part)
        full = names.fqdn(meta.name, meta.namespace)
        ports = tuple(port.port for port in service.spec.ports)
        hosts.add(scopes(written, meta.namespace), VisibleHost(full, ports, service.spec.selector))
    return hosts


def scopes(export_to: tuple[str, ...], own: str) -> tuple[str, ...]:
    """The namespaces that something is exported to; `*` is all, and is what nothing means."""
    if not export_to or ALL in export_to:
        return (ALL,)
    return tuple(dict.fromkeys(own if scope == "." else scope for scope in export_to))


def _name(owner: Service | ServiceEntry) -> tuple[str, str]:
    return owner.metadata.namespace, owner.metadata.name


def _in(wide: VisibleHost, host: str) -> bool:
    return host.removeprefix("*").endswith(wide.host[1:])
