"""Which DestinationRule counts for a host, and how its layers of traffic policy add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from turnout.mesh import names
from turnout.resources.destination_rule import DestinationRule, PortTrafficPolicy, Subset, TrafficPolicy

ROOT_NAMESPACE = "istio-system"


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """What all DestinationRules for one host say together."""

    host: str
    traffic_policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()

    def subset(self, name: str) -> Subset | None:
        return next((subset for subset in self.subsets if subset.name == name), None)

    def policy(self, port: int, subset: Subset | None = None) -> TrafficPolicy:
        """The policy in force for one port: top level, then the port's, then the subset's, then the subset's port's."""
        merged = _on_port(self.traffic_policy or TrafficPolicy(), port)
        if subset is None or subset.traffic_policy is None:
            return merged
        return _on_port(_over(merged, subset.traffic_policy), port)


def _on_port(policy: TrafficPolicy, port: int) -> TrafficPolicy:
    """A port's settings replace the whole policy: blocks that they leave out return to their defaults."""
    for own in policy.port_level_settings:
        if own.port is not None and own.port.number == port:
            return _wholesale(policy, own)
    return replace(policy, port_level_settings=())


def _wholesale(policy: TrafficPolicy, own: PortTrafficPolicy) -> TrafficPolicy:
    return replace(
        policy,
        load_balancer=own.load_balancer,
        connection_pool=own.connection_pool,
        outlier_detection=own.outlier_detection,
        tls=own.tls,
        port_level_settings=(),
    )


def _over(policy: TrafficPolicy, subset: TrafficPolicy) -> TrafficPolicy:
    """A subset's policy overrides block by block; its port settings are still to be applied."""
    return TrafficPolicy(
        load_balancer=subset.load_balancer or policy.load_balancer,
        connection_pool=subset.connection_pool or policy.connection_pool,
        outlier_detection=subset.outlier_detection or policy.outlier_detection,
        tls=subset.tls or policy.tls,
        port_level_settings=subset.port_level_settings,
        tunnel=subset.tunnel or policy.tunnel,
        proxy_protocol=subset.proxy_protocol or policy.proxy_protocol,
        retry_budget=subset.retry_budget or policy.retry_budget,
    )


def for_host(rules: Iterable[DestinationRule], host: str, namespace: str) -> HostPolicy:
    """The rules of the service's own namespace, else of the root namespace, else of any other; the most specific host.

    Rules for the same host are merged as Istio merges them: the first trafficPolicy, and the subsets of all, of which
    the first of a name wins.
    """
    matching = [rule for rule in rules if names.host_matches(_host(rule), host)]
    if not matching:
        return HostPolicy(host)
    nearest = min(_distance(rule, namespace) for rule in matching)
    near = [rule for rule in matching if _distance(rule, namespace) == nearest]
    best = max(names.specificity(_host(rule)) for rule in near)
    chosen = sorted((rule for rule in near if names.specificity(_host(rule)) == best), key=_age)
    subsets: dict[str, Subset] = {}
    for rule in chosen:
        for subset in rule.spec.subsets:
            subsets.setdefault(subset.name, subset)
    policies = [rule.spec.traffic_policy for rule in chosen if rule.spec.traffic_policy]
    return HostPolicy(host, policies[0] if policies else None, tuple(subsets.values()))


def _host(rule: DestinationRule) -> str:
    return names.fqdn(rule.spec.host, rule.metadata.namespace)


def _distance(rule: DestinationRule, namespace: str) -> int:
    return {namespace: 0, ROOT_NAMESPACE: 1}.get(rule.metadata.namespace, 2)


def _age(rule: DestinationRule) -> tuple[str, str, str]:
    return (rule.metadata.creation_timestamp, rule.metadata.name, rule.metadata.namespace)
