"""Which DestinationRules count for a caller of a host, and how their layers of traffic policy add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

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

    @property
    def looks_at_places(self) -> bool:
        """Whether some layer may prefer near endpoints."""
        policies = (self.traffic_policy, *(subset.traffic_policy for subset in self.subsets))
        return any(looks_at_places(policy) for policy in policies if policy)

    def policy(self, port: int, subset: Subset | None = None) -> TrafficPolicy:
        """The policy in force for one port: top level, then the port's, then the subset's, then the subset's port's."""
        merged = _on_port(self.traffic_policy or TrafficPolicy(), port)
        if subset is None or subset.traffic_policy is None:
            return merged
        return _on_port(_over(merged, subset.traffic_policy), port)


def looks_at_places(policy: TrafficPolicy) -> bool:
    """With outlier detection, Istio prefers near endpoints unless told otherwise."""
    return any(
        each.outlier_detection or (each.load_balancer and each.load_balancer.locality_lb_setting)
        for each in layers(policy)
    )


def layers(policy: TrafficPolicy) -> Iterator[TrafficPolicy | PortTrafficPolicy]:
    """For all ports, and for each that has settings of its own."""
    yield policy
    yield from policy.port_level_settings


def _on_port(policy: TrafficPolicy, port: int) -> TrafficPolicy:
    """A port's settings replace the whole policy: blocks that they leave out return to their defaults."""
    for own in policy.port_level_settings:
        if own.port is not None and own.port.number == port:
            return _wholesale(policy, own)
    return replace(policy, port_level_settings=()) if policy.port_level_settings else policy


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


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All DestinationRules, found by the namespace that they are in and the host that they are for, oldest first.

    `endings`: of a namespace's wildcard hosts, without the `*`, longest first.
    """

    rules: Mapping[str, Mapping[str, tuple[DestinationRule, ...]]] = field(default_factory=dict)
    endings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def written(self, host: str) -> tuple[DestinationRule, ...]:
        """The rules for exactly this host, in all namespaces."""
        host = host.lower()
        return tuple(rule for place in self.rules.values() for rule in place.get(host, ()))

    @property
    def wild(self) -> Mapping[tuple[str, str], tuple[DestinationRule, ...]]:
        """The rules for wildcard hosts, by namespace and host."""
        return {
            (place, f"*{ending}"): self.rules[place][f"*{ending}"]
            for place, endings in self.endings.items()
            for ending in endings
        }

    def policy(
        self, host: str, namespace: str, caller_namespace: str, caller_labels: Mapping[str, str] | None = None
    ) -> HostPolicy:
        """The first of these that has a rule for the host: the caller's namespace, the service's, the root namespace.

        Within it the most specific host counts. Rules for the same host are merged as Istio merges them: the first
        trafficPolicy, and the subsets of all, of which the first of a name wins. Before those for everybody come those
        that select the caller by its labels, which they do in their own namespace only.
        """
        own = () if caller_namespace == ROOT_NAMESPACE else (caller_namespace,)
        for place in dict.fromkeys((*own, namespace, ROOT_NAMESPACE)):
            for written in self._covering(place, host):
                rules = [rule for rule in self.rules[place][written] if _visible(rule, caller_namespace)]
                if rules:
                    return _merged(host, _meant(rules, caller_namespace, caller_labels or {}))
        return HostPolicy(host)

    def depends_on_caller(self, host: str, namespace: str) -> bool:
        """Whether callers of different namespaces may find different rules for a host."""
        return any(
            not _public(rule, namespace)
            for place in self.rules
            for written in self._covering(place, host)
            for rule in self.rules[place][written]
        )

    def _covering(self, place: str, host: str) -> Iterator[str]:
        """The hosts of a namespace's rules that cover this host, the most specific first."""
        host = host.lower()
        if host in self.rules.get(place, ()):
            yield host
        for ending in self.endings.get(place, ()):
            if host.endswith(ending):
                yield "*" + ending


def rulebook(rules: Iterable[DestinationRule]) -> Rulebook:
    """`rules`: oldest first."""
    places: dict[str, dict[str, tuple[DestinationRule, ...]]] = {}
    for rule in rules:
        place = places.setdefault(rule.metadata.namespace, {})
        host = names.fqdn(rule.spec.host, rule.metadata.namespace).lower()
        place[host] = (*place.get(host, ()), rule)
    endings = {
        namespace: tuple(sorted((host[1:] for host in hosts if host.startswith("*")), key=lambda e: (-len(e), e)))
        for namespace, hosts in places.items()
    }
    return Rulebook(places, endings)


def _merged(host: str, rules: list[DestinationRule]) -> HostPolicy:
    subsets: dict[str, Subset] = {}
    for rule in rules:
        for subset in rule.spec.subsets:
            subsets.setdefault(subset.name, subset)
    policies = [rule.spec.traffic_policy for rule in rules if rule.spec.traffic_policy]
    return HostPolicy(host, policies[0] if policies else None, tuple(subsets.values()))


def _meant(rules: list[DestinationRule], namespace: str, labels: Mapping[str, str]) -> list[DestinationRule]:
    """Those with the first selector that is for the caller, else those without one."""
    own = (_selector(rule) for rule in rules if rule.metadata.namespace == namespace)
    chosen = next((selector for selector in own if selector is not None and selector.items() <= labels.items()), None)
    return [rule for rule in rules if _selector(rule) == chosen]


def _selector(rule: DestinationRule) -> Mapping[str, str] | None:
    return rule.spec.workload_selector.match_labels if rule.spec.workload_selector else None


def _public(rule: DestinationRule, service_namespace: str) -> bool:
    """Whether every caller sees the rule: it is where everyone looks, and exported to all."""
    everywhere = not rule.spec.export_to or "*" in rule.spec.export_to
    return (
        everywhere
        and not rule.spec.workload_selector
        and rule.metadata.namespace in (service_namespace, ROOT_NAMESPACE)
    )


def _visible(rule: DestinationRule, namespace: str) -> bool:
    return names.exported(rule.spec.export_to, rule.metadata.namespace, namespace)
