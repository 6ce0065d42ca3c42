"""Near endpoints before far ones, or shares by place: `localityLbSetting`, as pilot's package loadbalancer has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil

from envoy.config.core.v3.base_pb2 import Locality as EnvoyLocality
from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint, LocalityLbEndpoints

from turnout.mesh.locality import Locality
from turnout.mesh.service import Instance
from turnout.mesh.sight import Sight
from turnout.resources.destination_rule import Distribute, Failover, LocalityLbSetting, TrafficPolicy

Member = tuple[Instance, LbEndpoint]
_DISTANCES = 5
"""How many there are: the same subzone, zone, region; another region; another than the one to fail over to."""


@dataclass(frozen=True, slots=True)
class Group:
    """Endpoints of one place that are preferred alike. `weight` 0: there is no share to keep to."""

    place: Locality
    members: tuple[Member, ...]
    priority: int = 0
    weight: int = 0


def groups(members: Iterable[Member], policy: TrafficPolicy, sight: Sight) -> list[LocalityLbEndpoints]:
    """`sight`: that of the caller, without a locality where it does not say."""
    found = _grouped(members, policy, sight)
    ranks = {priority: rank for rank, priority in enumerate(sorted({group.priority for group in found}))}
    return [_built(replace(group, priority=ranks[group.priority])) for group in found]


def is_weighted(policy: TrafficPolicy) -> bool:
    """Whether shares by place are kept to."""
    setting = _setting(policy)
    return bool(setting and setting.distribute)


def _setting(policy: TrafficPolicy) -> LocalityLbSetting | None:
    """None: switched off. Without one, Istio's defaults."""
    written = policy.load_balancer.locality_lb_setting if policy.load_balancer else None
    setting = written or LocalityLbSetting()
    return None if setting.enabled is False else setting


def _grouped(members: Iterable[Member], policy: TrafficPolicy, sight: Sight) -> list[Group]:
    setting = _setting(policy)
    if setting and setting.distribute:
        return _distributed(_by_place(members, {}), setting.distribute, sight.locality)
    if not setting or not policy.outlier_detection:
        return _together(members)  # without it Envoy would never turn to the next
    members = list(members)
    wanted = setting.failover_priority
    ranks = {instance.name: _rank(instance, wanted, sight.labels) for instance, _ in members}
    if wanted and not setting.failover:
        return _by_place(members, ranks)
    if not sight.locality.region:
        return _by_place(members, ranks) if wanted else _together(members)  # nothing is near to who is nowhere
    return [_apart(group, sight.locality, setting.failover) for group in _by_place(members, ranks)]


def _together(members: Iterable[Member]) -> list[Group]:
    found = tuple(members)
    return [Group(Locality(), found)] if found else []


def _by_place(members: Iterable[Member], ranks: Mapping[str, int]) -> list[Group]:
    found: dict[tuple[int, Locality], list[Member]] = {}
    for member in members:
        found.setdefault((ranks.get(member[0].name, 0), member[0].place), []).append(member)
    return [Group(place, tuple(own), rank) for (rank, place), own in found.items()]


def _rank(instance: Instance, wanted: tuple[str, ...], labels: Mapping[str, str]) -> int:
    """0 where all labels are the caller's (or those that are given as `key=value`); more the earlier one is not."""
    for at, each in enumerate(wanted):
        key, given, value = each.partition("=")
        if instance.labels.get(key, "") != (value if given else labels.get(key, "")):
            return len(wanted) - at
    return 0


def _apart(group: Group, own: Locality, failover: tuple[Failover, ...]) -> Group:
    distance = own.distance(group.place)
    to = next((each.to for each in failover if each.from_ == own.region), None)
    if distance == 3 and to is not None and group.place.region != to:
        distance = 4
    return replace(group, priority=group.priority * _DISTANCES + distance)


def _distributed(found: list[Group], distribute: tuple[Distribute, ...], own: Locality) -> list[Group]:
    """By the first that is for the caller's place; what it does not name gets nothing."""
    setting = next((each for each in distribute if own.within(each.from_)), None)
    if setting is None:
        return [replace(group, weight=_size(group)) for group in found]  # a place without a weight would get nothing
    kept: list[Group] = []
    left = list(found)
    for pattern, share in setting.to.items():
        inside = [group for group in left if group.place.within(pattern)]
        left = [group for group in left if group not in inside]
        total = sum(_size(group) for group in inside)
        kept += [replace(group, weight=ceil(_size(group) * share / total)) for group in inside if share]
    return kept


def _size(group: Group) -> int:
    return sum(instance.weight or 1 for instance, _ in group.members)


def _built(group: Group) -> LocalityLbEndpoints:
    built = LocalityLbEndpoints(lb_endpoints=[endpoint for _, endpoint in group.members], priority=group.priority)
    region, zone, subzone = group.place.parts
    if region:
        built.locality.CopyFrom(EnvoyLocality(region=region, zone=zone, sub_zone=subzone))
    if group.weight:
        built.load_balancing_weight.value = group.weight
    return built
