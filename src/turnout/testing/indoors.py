"""Nothing leaves the machine, and everything is spoken to as stand-ins speak: in plain HTTP/1.1.

Which rule a request meets, and what is done to it on its way, does not depend on that.
"""

from __future__ import annotations

from dataclasses import replace

from turnout.mesh.service import Protocol, port_protocol
from turnout.resources.core import Service, ServicePort
from turnout.resources.destination_rule import ConnectionPoolSettings, DestinationRule, TrafficPolicy
from turnout.resources.service_entry import ServiceEntry, ServiceEntryPort, ServiceEntrySelector

STANDS_FOR = "turnout.dev/stands-for"
"""The label of pods that play what is outside: an entry's hosts, or what an ExternalName stands for."""
_HTTP2 = ("HTTP2", "GRPC", "GRPC-WEB")


def indoors(resource: object) -> object:
    """As it is, but for where it leads to, and for TLS and HTTP/2 on the way there."""
    match resource:
        case Service():
            return _service(resource)
        case ServiceEntry():
            return _entry(resource)
        case DestinationRule():
            return _rule(resource)
    return resource


def _service(service: Service) -> Service:
    spec = replace(service.spec, ports=tuple(_port(port) for port in service.spec.ports))
    if spec.type == "ExternalName":
        spec = replace(spec, type="ClusterIP", external_name="", selector={STANDS_FOR: service.metadata.name})
    return replace(service, spec=spec)


def _port(port: ServicePort) -> ServicePort:
    return replace(port, app_protocol="http") if port_protocol(port) is Protocol.HTTP2 else port


def _entry(entry: ServiceEntry) -> ServiceEntry:
    spec = replace(entry.spec, ports=tuple(_entry_port(port) for port in entry.spec.ports))
    if spec.workload_selector is None:
        selector = ServiceEntrySelector({STANDS_FOR: entry.metadata.name})
        spec = replace(spec, resolution="STATIC", endpoints=(), workload_selector=selector)
    return replace(entry, spec=spec)


def _entry_port(port: ServiceEntryPort) -> ServiceEntryPort:
    return replace(port, protocol="HTTP") if port.protocol.upper() in _HTTP2 else port


def _rule(rule: DestinationRule) -> DestinationRule:
    spec = rule.spec
    subsets = (replace(subset, traffic_policy=_policy(subset.traffic_policy)) for subset in spec.subsets)
    return replace(rule, spec=replace(spec, traffic_policy=_policy(spec.traffic_policy), subsets=tuple(subsets)))


def _policy(policy: TrafficPolicy | None) -> TrafficPolicy | None:
    if policy is None:
        return None
    ports = tuple(replace(p, tls=None, connection_pool=_pool(p.connection_pool)) for p in policy.port_level_settings)
    pool = _pool(policy.connection_pool)
    return replace(policy, tls=None, tunnel=None, proxy_protocol=None, connection_pool=pool, port_level_settings=ports)


def _pool(pool: ConnectionPoolSettings | None) -> ConnectionPoolSettings | None:
    if pool is None or pool.http is None:
        return pool
    return replace(pool, http=replace(pool.http, h2_upgrade_policy="DEFAULT", use_client_protocol=False))
