"""The mesh as one immutable value: everything that routing and configuration are derived from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from turnout.mesh import service, service_entry, sight
from turnout.mesh.binding import by_gateway
from turnout.mesh.credential import Authority, KeyPair, Named, Vault
from turnout.mesh.delegation import Entry, delegating, entries
from turnout.mesh.gateway_api import GatewayApi, gateway_api
from turnout.mesh.gateway_servers import BoundServer, in_force
from turnout.mesh.policy import HostPolicy, Rulebook, rulebook
from turnout.mesh.service import Instance, ServiceHost
from turnout.mesh.sight import Telling
from turnout.resources.core import Secret, Service, ServicePort
from turnout.resources.destination_rule import DestinationRule, Subset
from turnout.resources.gateway import Gateway
from turnout.resources.service_entry import ServiceEntry
from turnout.resources.virtual_service import VirtualService

Ruling = TypeVar("Ruling", VirtualService, DestinationRule, Gateway, ServiceEntry)


@dataclass(frozen=True, slots=True)
class Mesh:
    """`services`, `policies` and `members` are keyed by full host; rules are in the order in which Istio reads them.

    `policies`: the DestinationRules as callers of the service's own namespace see them. `members`: the instances behind
    each service. `delegating`: by namespace and name of VirtualServices that delegate, the routes that come of it.
    `servers`: those of Gateways that are in force, by port and key. `bound`: VirtualServices by gateway.
    `telling`: what DestinationRules ask for of callers.
    `gateways`: those that stand for listeners of Gateway API among them.
    `files`: the certificates and keys that TLS settings name by path, of those that
    could be read; None: nobody has looked. `last_credentials`: what was in use before, by name.
    """

    services: Mapping[str, ServiceHost] = field(default_factory=dict)
    policies: Mapping[str, HostPolicy] = field(default_factory=dict)
    rulebook: Rulebook = field(default_factory=Rulebook)
    virtual_services: tuple[VirtualService, ...] = ()
    delegating: Mapping[tuple[str, str], tuple[Entry, ...]] = field(default_factory=dict)
    destination_rules: tuple[DestinationRule, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    servers: Mapping[int, Mapping[str, BoundServer]] = field(default_factory=dict)
    bound: Mapping[str, tuple[VirtualService, ...]] = field(default_factory=dict)
    gateway_api: GatewayApi = field(default_factory=GatewayApi)
    instances: tuple[Instance, ...] = ()
    members: Mapping[str, tuple[Instance, ...]] = field(default_factory=dict)
    telling: Telling = field(default_factory=Telling)
    secrets: Mapping[Named, Secret] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] | None = field(default=None, repr=False)
    last_credentials: Mapping[str, KeyPair | Authority] = field(default_factory=dict, repr=False)

    @property
    def vault(self) -> Vault:
        return Vault(self.secrets, self.files, self.last_credentials)

    def entries(self, virtual_service: VirtualService) -> Iterable[Entry]:
        """The HTTP routes of a VirtualService with hosts, those of delegates among them."""
        meta = virtual_service.metadata
        delegated = self.delegating.get((meta.namespace, meta.name))
        return entries(virtual_service, {}) if delegated is None else delegated

    def endpoints(self, host: ServiceHost, subset: Subset | None = None) -> list[Instance]:
        """The instances behind a service, or behind one subset of it."""
        members = self.members[host.host]
        return [i for i in members if subset is None or subset.labels.items() <= i.labels.items()]

    def sight(self, namespace: str, labels: Mapping[str, str]) -> str:
        """From where a caller looks at destinations: what `view` wants to know of it."""
        return self.telling.sight(namespace, labels)

    def view(self, host: str, seen_from: str) -> str:
        """The caller's sight where a destination looks different from there; empty where it looks the same."""
        known = self.services.get(host)
        if known is None or seen_from == known.namespace:
            return ""
        caller = sight.sight(seen_from)
        if not caller.labels and not self.rulebook.depends_on_caller(host, known.namespace):
            return ""
        seen = self.rulebook.policy(host, known.namespace, caller.namespace, caller.labels)
        near = caller.labels and seen.looks_at_places
        return seen_from if near or seen != self.policies[host] else ""

    def policy(self, host: str, view: str) -> HostPolicy:
        """What DestinationRules say of a known service in a view."""
        if not view:
            return self.policies[host]
        caller = sight.sight(view)
        return self.rulebook.policy(host, self.services[host].namespace, caller.namespace, caller.labels)

    def destination_port(self, host: str, explicit: int, listener_port: int) -> int:
        """Explicit, else the service's only port, else the port that the request came in on."""
        if explicit:
            return explicit
        known = self.services.get(host)
        return known.spec.ports[0].port if known and len(known.spec.ports) == 1 else listener_port


def build(
    resources: Iterable[object],
    instances: Sequence[Instance] = (),
    files: Mapping[str, str] | None = None,
    last_credentials: Mapping[str, KeyPair | Authority] | None = None,
) -> Mesh:
    """Sorts resources by what they are. Kinds that carry no traffic rules are passed over.

    `files`, `last_credentials`: what `Mesh` says of them.
    """
    kept = list(resources)
    attached = gateway_api(kept)
    external = service_entry.hosts(_by_age(r for r in kept if isinstance(r, ServiceEntry)))
    services = service.by_host((r for r in kept if isinstance(r, Service)), external)
    rules = _by_age(r for r in kept if isinstance(r, DestinationRule))
    book = rulebook(rules)
    routing = _by_age(r for r in kept if isinstance(r, VirtualService))
    gateways = _by_age([*(r for r in kept if isinstance(r, Gateway)), *attached.gateways])
    running = tuple(sorted(instances, key=lambda i: (i.namespace, i.name)))
    members = _members(services, running)
    return Mesh(
        services=services,
        policies={host: book.policy(host, found.namespace, found.namespace) for host, found in services.items()},
        rulebook=book,
        virtual_services=routing,
        delegating=delegating(routing),
        destination_rules=rules,
        gateways=gateways,
        servers=in_force(gateways),
        bound=by_gateway(routing),
        gateway_api=attached,
        instances=running,
        members=members,
        telling=sight.telling(rules, (each for found in members.values() for each in found)),
        secrets={(s.metadata.namespace, s.metadata.name): s for s in kept if isinstance(s, Secret)},
        files=files,
        last_credentials=last_credentials or {},
    )


def _members(services: Mapping[str, ServiceHost], running: Iterable[Instance]) -> dict[str, tuple[Instance, ...]]:
    """Pods that a service selects, and the endpoints that are written down."""
    selected = service.members(services.values(), running)
    return {host: (*selected[host], *service_entry.endpoints(found)) for host, found in services.items()}


def http_ports(host: ServiceHost) -> list[ServicePort]:
    """The ports of a service that HTTP routing applies to."""
    return [port for port in host.spec.ports if service.port_protocol(port) is not service.Protocol.TCP]


def tcp_ports(host: ServiceHost) -> list[ServicePort]:
    """The ports of a service whose connections are passed on unread."""
    return [
        port
        for port in host.spec.ports
        if service.port_protocol(port) is service.Protocol.TCP and port.protocol == "TCP"
    ]


def _by_age(resources: Iterable[Ruling]) -> tuple[Ruling, ...]:
    """Creation time, then name, then namespace: the order in which Istio lets rules for one host compete."""
    return tuple(sorted(resources, key=_age))


def _age(resource: VirtualService | DestinationRule | Gateway | ServiceEntry) -> tuple[str, str, str]:
    meta = resource.metadata
    return (meta.creation_timestamp, meta.name, meta.namespace)
