"""The mesh as one immutable value: everything that routing and configuration are derived from."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, TypeVar

from turnout.memo import Memo
from turnout.mesh import service, service_entry, sight
from turnout.mesh.binding import by_gateway
from turnout.mesh.credential import Authority, KeyPair, Named, Vault
from turnout.mesh.delegation import Entry, Speaker, SpeakerKey, entries, speakers
from turnout.mesh.gateway_api import KINDS as GATEWAY_API_KINDS
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

T = TypeVar("T")
Ruling = TypeVar("Ruling", VirtualService, DestinationRule, Gateway, ServiceEntry)


@dataclass(frozen=True, slots=True)
class Mesh:
    """`services`, `policies` and `members` are keyed by full host; rules are in the order in which Istio reads them.

    `policies`: the DestinationRules as callers of the service's own namespace see them; `ruled`: those for exactly this
    host, whoever sees them. `members`: the instances behind
    each service. `speakers`: the VirtualServices, each with its routes in force.
    `servers`: those of Gateways that are in force, by port and key. `bound`: VirtualServices by gateway.
    `telling`: what DestinationRules ask for of callers.
    `gateways`: those that stand for listeners of Gateway API among them.
    `files`: the certificates and keys that TLS settings name by path, of those that
    could be read; None: nobody has looked. `last_credentials`: what was in use before, by name.
    """

    services: Mapping[str, ServiceHost] = field(default_factory=dict)
    policies: Mapping[str, HostPolicy] = field(default_factory=dict)
    ruled: Mapping[str, tuple[DestinationRule, ...]] = field(default_factory=dict)
    rulebook: Rulebook = field(default_factory=Rulebook)
    virtual_services: tuple[VirtualService, ...] = ()
    speakers: Mapping[SpeakerKey, Speaker] = field(default_factory=dict)
    destination_rules: tuple[DestinationRule, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    servers: Mapping[int, Mapping[str, BoundServer]] = field(default_factory=dict)
    bound: Mapping[str, tuple[Speaker, ...]] = field(default_factory=dict)
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
        known = self.speakers.get((meta.namespace, meta.name, 0))
        return known.entries if known and known.virtual_service == virtual_service else entries(virtual_service, {})

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

    def views(self, seen_from: str, memo: Memo) -> Mapping[str, str]:
        """Of every destination: the caller's sight where it looks different from there, as `view` says."""
        inputs = (self.services, self.ruled, self.policies)
        return memo.each(
            ("views", seen_from), inputs, lambda host, *_: self.view(host, seen_from), (self.rulebook.wild,)
        )

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
    resources: Iterable[object] | Mapping[Hashable, object],
    instances: Sequence[Instance] = (),
    files: Mapping[str, str] | None = None,
    last_credentials: Mapping[str, KeyPair | Authority] | None = None,
    memo: Memo | None = None,
) -> Mesh:
    """Sorts resources by what they are. Kinds that carry no traffic rules are passed over.

    `resources`: under names, or without, and then in an order that had better stay. `files`, `last_credentials`: what
    `Mesh` says of them. `memo`: that of the last mesh. It saves time, and changes nothing else.
    """
    memo = Memo() if memo is None else memo
    named = resources if isinstance(resources, Mapping) else dict[Hashable, object](enumerate(resources))
    kept = by_kind(memo, named)
    api = tuple(each for kind in GATEWAY_API_KINDS for each in kept.get(kind, ()))
    attached = memo.of("Gateway API", (api,), lambda: gateway_api(api))
    services = _services(memo, kept)
    rules = tuple(_by_age(memo, DestinationRule, of(DestinationRule, kept)).values())
    book = memo.of("rulebook", (rules,), lambda: rulebook(rules))
    ruled = memo.of("ruled", (services, book), lambda: {host: book.written(host) for host in services})
    routing = _by_age(memo, VirtualService, of(VirtualService, kept))
    spoken = speakers(routing, memo)
    gateways = tuple(_by_age(memo, Gateway, (*of(Gateway, kept), *attached.gateways)).values())
    running = _running(memo, instances)
    members = _members(memo, services, running)
    built = Mesh(
        services=services,
        policies=_policies(memo, services, ruled, book),
        ruled=ruled,
        rulebook=book,
        virtual_services=tuple(routing.values()),
        speakers=spoken,
        destination_rules=rules,
        gateways=gateways,
        servers=memo.of("servers", (gateways,), lambda: in_force(gateways)),
        bound=by_gateway(spoken, memo),
        gateway_api=attached,
        instances=tuple(running.values()),
        members=members,
        telling=_telling(memo, rules, members),
        secrets={(s.metadata.namespace, s.metadata.name): s for s in of(Secret, kept)},
        files=files,
        last_credentials=last_credentials or {},
    )
    memo.forget_unasked()
    return built


Kept = Mapping[type, tuple[Any, ...]]
"""Resources by kind."""


def by_kind(memo: Memo, named: Mapping[Hashable, object]) -> Kept:
    return memo.grouped("kinds", named, memo.each("kind", (named,), lambda _, resource: (type(resource),)))


def of(kind: type[T], kept: Kept) -> tuple[T, ...]:
    return kept.get(kind, ())


def _by_age(memo: Memo, kind: type[Ruling], found: tuple[Ruling, ...]) -> Mapping[SpeakerKey, Ruling]:
    """Creation time, then name, then namespace: the order in which Istio lets rules for one host compete."""
    return memo.ordered(("by age", kind), memo.of(("by name", kind), found, lambda: _by_name(found)), _age)


def _by_name(resources: Iterable[Any]) -> dict[SpeakerKey, Any]:
    found: dict[SpeakerKey, Any] = {}
    for each in resources:
        key = (each.metadata.namespace, each.metadata.name, 0)
        while key in found:
            key = (*key[:2], key[2] + 1)
        found[key] = each
    return found


_age = attrgetter("metadata.creation_timestamp", "metadata.name", "metadata.namespace")


def _services(memo: Memo, kept: Kept) -> Mapping[str, ServiceHost]:
    found = of(Service, kept)
    own = memo.each("Service", (memo.of("Service by name", found, lambda: _by_name(found)),), _host)
    entries = tuple(_by_age(memo, ServiceEntry, of(ServiceEntry, kept)).values())
    external = memo.of("ServiceEntry hosts", (entries,), lambda: tuple(service_entry.hosts(entries)))
    return memo.of("services", (own, external), lambda: service.by_host(own.values(), external))


def _host(_: object, found: Service) -> ServiceHost:
    return ServiceHost(found.metadata.namespace, found.metadata.name, found.spec)


def _policies(
    memo: Memo, services: Mapping[str, ServiceHost], ruled: Mapping[str, tuple[DestinationRule, ...]], book: Rulebook
) -> Mapping[str, HostPolicy]:
    """As callers of the service's own namespace see them."""

    def policy(host: str, found: ServiceHost, _: object) -> HostPolicy:
        return book.policy(host, found.namespace, found.namespace)

    return memo.each("policies", (services, ruled), policy, (book.wild,))


def _running(memo: Memo, instances: Sequence[Instance]) -> Mapping[Hashable, Instance]:
    """In order of their names."""

    def ordered() -> dict[Hashable, Instance]:
        found = sorted(instances, key=attrgetter("namespace", "name"))
        named: dict[Hashable, Instance] = {(each.namespace, each.name): each for each in found}
        return named if len(named) == len(found) else dict(enumerate(found))

    return memo.of("running", (tuple(instances),), ordered)


def _members(
    memo: Memo, services: Mapping[str, ServiceHost], running: Mapping[Hashable, Instance]
) -> Mapping[str, tuple[Instance, ...]]:
    """Pods that a service selects, and the endpoints that are written down."""
    selectors = memo.of("selectors", (services,), lambda: service.selectors(services.values()))
    selecting = memo.each("selecting", (running,), lambda _, each: service.selecting(selectors, each), (selectors,))
    selected = memo.grouped("selected", running, selecting)

    def members(_: str, found: ServiceHost, pods: tuple[Instance, ...] | None) -> tuple[Instance, ...]:
        written = service_entry.endpoints(found)
        return (*(pods or ()), *written) if written else pods or ()

    return memo.each("members", (services, selected), members)


def _telling(memo: Memo, rules: tuple[DestinationRule, ...], members: Mapping[str, tuple[Instance, ...]]) -> Telling:
    asked = memo.of("asked of callers", (rules,), lambda: sight.telling(rules))
    if not asked.places:
        return asked
    placed = memo.each("placed", (members,), lambda _, found: any(each.place.region for each in found))
    return asked if any(placed.values()) else replace(asked, places=frozenset())


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
