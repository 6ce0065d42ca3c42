"""The mesh as one immutable value: everything that routing and configuration are derived from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from turnout.mesh import policy, service
from turnout.mesh.policy import HostPolicy
from turnout.mesh.service import Instance, ServiceHost
from turnout.resources.core import Service, ServicePort
from turnout.resources.destination_rule import DestinationRule, Subset
from turnout.resources.gateway import Gateway
from turnout.resources.virtual_service import VirtualService


@dataclass(frozen=True, slots=True)
class Mesh:
    """`services` and `policies` are keyed by full host; `virtual_services` are in the order Istio evaluates them."""

    services: Mapping[str, ServiceHost] = field(default_factory=dict)
    policies: Mapping[str, HostPolicy] = field(default_factory=dict)
    virtual_services: tuple[VirtualService, ...] = ()
    destination_rules: tuple[DestinationRule, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    instances: tuple[Instance, ...] = ()

    def endpoints(self, host: ServiceHost, subset: Subset | None = None) -> list[Instance]:
        """The instances behind a service, or behind one subset of it."""
        found = (i for i in self.instances if i.namespace == host.namespace)
        selected = [i for i in found if service.selects(host.spec.selector, i.labels)]
        return [i for i in selected if subset is None or subset.labels.items() <= i.labels.items()]

    def subset_of(self, host: ServiceHost, instance: Instance) -> str:
        """The first subset that an instance belongs to; empty when it is in none."""
        for subset in self.policies[host.host].subsets:
            if subset.labels and subset.labels.items() <= instance.labels.items():
                return subset.name
        return ""

    def destination_port(self, host: str, explicit: int, listener_port: int) -> int:
        """Explicit, else the service's only port, else the port that the request came in on."""
        if explicit:
            return explicit
        known = self.services.get(host)
        return known.spec.ports[0].port if known and len(known.spec.ports) == 1 else listener_port


def build(resources: Iterable[object], instances: Sequence[Instance] = ()) -> Mesh:
    """Sorts resources by what they are. Kinds that carry no traffic rules are passed over."""
    kinds: dict[type, list[object]] = {}
    for resource in resources:
        kinds.setdefault(type(resource), []).append(resource)
    services = service.by_host(r for r in kinds.get(Service, ()) if isinstance(r, Service))
    rules = sorted((r for r in kinds.get(DestinationRule, ()) if isinstance(r, DestinationRule)), key=_age)
    virtual = sorted((r for r in kinds.get(VirtualService, ()) if isinstance(r, VirtualService)), key=_age)
    gateways = sorted((r for r in kinds.get(Gateway, ()) if isinstance(r, Gateway)), key=_age)
    return Mesh(
        services=services,
        policies={host: policy.for_host(rules, host, found.namespace) for host, found in services.items()},
        virtual_services=tuple(virtual),
        destination_rules=tuple(rules),
        gateways=tuple(gateways),
        instances=tuple(sorted(instances, key=lambda i: (i.namespace, i.name))),
    )


def http_ports(host: ServiceHost) -> list[ServicePort]:
    """The ports of a service that HTTP routing applies to."""
    return [port for port in host.spec.ports if service.port_protocol(port) is not service.Protocol.TCP]


def _age(resource: VirtualService | DestinationRule | Gateway) -> tuple[str, str, str]:
    """Creation time, then name, then namespace: the order in which Istio lets rules for one host compete."""
    meta = resource.metadata
    return (meta.creation_timestamp, meta.name, meta.namespace)
