"""From where a caller looks at destinations: its namespace, and those of its labels that any rule asks for.

Written as one text, `shop` or `shop;app=cart`, which is also what tells clusters apart that callers see differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from turnout.mesh.locality import LABELS, Locality, locality
from turnout.mesh.policy import layers, looks_at_places
from turnout.resources.destination_rule import DestinationRule, LocalityLbSetting, TrafficPolicy


@dataclass(frozen=True, slots=True)
class Sight:
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def locality(self) -> Locality:
        return locality(self.labels)


@dataclass(frozen=True, slots=True)
class Telling:
    """What of a caller's labels makes a difference: `labels` always, those of a selector to whom it selects.

    `places`: those that say where it runs, if any destination may prefer near endpoints.
    """

    labels: frozenset[str] = frozenset()
    selectors: tuple[Mapping[str, str], ...] = ()
    places: frozenset[str] = frozenset()

    def sight(self, namespace: str, labels: Mapping[str, str]) -> str:
        """Written as `sight` reads it."""
        selecting = (each for each in self.selectors if each.items() <= labels.items())
        keys = ((self.labels | self.places) & labels.keys()).union(*selecting)
        return ";".join((namespace, *(f"{key}={labels[key]}" for key in sorted(keys))))


@lru_cache(maxsize=4096)
def sight(text: str) -> Sight:
    namespace, *labels = text.split(";")
    return Sight(namespace, dict(label.split("=", 1) for label in labels))


def telling(rules: Sequence[DestinationRule]) -> Telling:
    """Selectors decide which DestinationRule counts, other labels which endpoints are near.

    Where no endpoint says where it is, places make no difference: that is for the caller to find out.
    """
    selectors = tuple(rule.spec.workload_selector.match_labels for rule in rules if rule.spec.workload_selector)
    policies = [policy for rule in rules for policy in _policies(rule)]
    labels = {each for setting in _settings(policies) for each in setting.failover_priority if "=" not in each}
    places = frozenset(LABELS if any(looks_at_places(policy) for policy in policies) else ())
    return Telling(frozenset(labels), selectors, places)


def _policies(rule: DestinationRule) -> Iterator[TrafficPolicy]:
    yield from (each for each in (rule.spec.traffic_policy, *(s.traffic_policy for s in rule.spec.subsets)) if each)


def _settings(policies: Iterable[TrafficPolicy]) -> Iterator[LocalityLbSetting]:
    for policy in policies:
        for each in layers(policy):
            if each.load_balancer and each.load_balancer.locality_lb_setting:
                yield each.load_balancer.locality_lb_setting
