"""Load balancing: consistent hashes, locality, warm-up."""

from __future__ import annotations

import math
from collections.abc import Iterable

from turnout.resources.checks.value import check_duration, check_percent
from turnout.resources.destination_rule import (
    ConsistentHash,
    Distribute,
    Failover,
    LoadBalancerSettings,
    LocalityLbSetting,
    WarmupConfiguration,
)
from turnout.resources.finding import Findings
from turnout.resources.layout import Path
from turnout.resources.spelling import shown

LARGEST_RING = 8 * 1024 * 1024  # Envoy's bound
LARGEST_TABLE = 5000011  # Envoy's bound for Maglev
_TOPOLOGY_LABELS = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")


def check_load_balancer(settings: LoadBalancerSettings, at: Path, findings: Findings, *, has_outliers: bool) -> None:
    """`has_outliers`: the policy detects outliers, without which nothing ever fails over."""
    if settings.consistent_hash is not None:
        _check_hash(settings.consistent_hash, (*at, "consistentHash"), findings)
    if settings.locality_lb_setting is not None:
        here: Path = (*at, "localityLbSetting")
        _check_locality(settings.locality_lb_setting, here, findings, has_outliers=has_outliers)
        if settings.zone_aware_lb_setting is not None:
            message = "localityLbSetting and zoneAwareLbSetting exclude each other"
            findings.add("TNO142", (*at, "zoneAwareLbSetting"), message, "keep one of the two")
    zone_aware = settings.zone_aware_lb_setting
    if zone_aware is not None and zone_aware.routing_enabled is not None:
        check_percent(
            zone_aware.routing_enabled.value, (*at, "zoneAwareLbSetting", "routingEnabled", "value"), findings
        )
    check_duration(settings.warmup_duration_secs, (*at, "warmupDurationSecs"), findings)
    if settings.warmup is not None:
        _check_warmup(settings.warmup, (*at, "warmup"), findings)


def _check_hash(consistent: ConsistentHash, at: Path, findings: Findings) -> None:
    if consistent.http_cookie is not None and not consistent.http_cookie.name:
        findings.add("TNO142", (*at, "httpCookie"), "the cookie has no name", "set `httpCookie.name`")
    if consistent.minimum_ring_size:
        findings.add(
            "TNO131", (*at, "minimumRingSize"), "minimumRingSize is deprecated", "use ringHash.minimumRingSize"
        )
        if consistent.ring_hash is not None or consistent.maglev is not None:
            findings.add("TNO142", (*at, "minimumRingSize"), "minimumRingSize excludes ringHash and maglev")
    for path, size in (
        (("minimumRingSize",), consistent.minimum_ring_size),
        (("ringHash", "minimumRingSize"), consistent.ring_hash.minimum_ring_size if consistent.ring_hash else 0),
    ):
        if size > LARGEST_RING:
            findings.add("TNO142", (*at, *path), f"minimumRingSize {size} must be at most {LARGEST_RING}")
    if consistent.maglev is not None:
        _check_table_size(consistent.maglev.table_size, (*at, "maglev", "tableSize"), findings)


def _check_table_size(size: int | None, at: Path, findings: Findings) -> None:
    if not size:
        findings.add("TNO142", at, "maglev needs a tableSize above 0")
    elif size >= LARGEST_TABLE:
        findings.add("TNO142", at, f"tableSize {size} must be less than {LARGEST_TABLE}")
    elif not _is_prime(size):
        findings.add("TNO142", at, f"tableSize {size} must be a prime number", "65537 is one")


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % factor for factor in range(2, math.isqrt(number) + 1))


def _check_warmup(warmup: WarmupConfiguration, at: Path, findings: Findings) -> None:
    if warmup.duration is None:
        findings.add("TNO144", at, "warmup needs a `duration`")
    check_duration(warmup.duration, (*at, "duration"), findings)
    if warmup.minimum_percent is not None:
        check_percent(warmup.minimum_percent, (*at, "minimumPercent"), findings)
    if warmup.aggression is not None and warmup.aggression < 1:
        findings.add("TNO144", (*at, "aggression"), f"aggression {shown(warmup.aggression)} must be at least 1")


def _check_locality(locality: LocalityLbSetting, at: Path, findings: Findings, *, has_outliers: bool) -> None:
    if locality.distribute and locality.failover:
        findings.add("TNO143", (*at, "failover"), "`distribute` and `failover` exclude each other")
    if locality.failover and any(label in _TOPOLOGY_LABELS for label in locality.failover_priority):
        message = "`failover` and a topology label in `failoverPriority` exclude each other"
        findings.add("TNO143", (*at, "failoverPriority"), message)
    for number, distribute in enumerate(locality.distribute):
        _check_distribute(distribute, (*at, "distribute", number), findings)
    _check_localities([d.from_ for d in locality.distribute], (*at, "distribute"), findings)
    if (locality.failover or locality.failover_priority) and not has_outliers:
        hint = "add `outlierDetection` to the same policy"
        findings.add("TNO150", at, "nothing fails over without outlier detection", hint)
    for number, failover in enumerate(locality.failover):
        _check_failover(failover, (*at, "failover", number), findings)


def _check_distribute(distribute: Distribute, at: Path, findings: Findings) -> None:
    weights = distribute.to
    for name, weight in weights.items():
        if not 1 <= weight <= 100:
            findings.add("TNO143", (*at, "to", name), f"the locality weight {weight} must be in the range 1..100")
    if sum(weights.values()) != 100:
        findings.add("TNO143", (*at, "to"), f"total locality weight {sum(weights.values())} != 100")
    _check_localities(weights, (*at, "to"), findings)


def _check_failover(failover: Failover, at: Path, findings: Findings) -> None:
    if failover.from_ == failover.to:
        findings.add("TNO143", at, "`from` and `to` must be different regions")
    for name, region in (("from", failover.from_), ("to", failover.to)):
        if "/" in region or "*" in region:
            findings.add("TNO143", (*at, name), f"{shown(region)} is no region: it has neither zone nor wildcard")


def _check_localities(localities: Iterable[str], at: Path, findings: Findings) -> None:
    """`region[/zone[/subzone]]`, `*` at the end; none may cover a part of another."""
    seen: set[tuple[str, ...]] = set()
    for locality in localities:
        parts = tuple(locality.split("/", 2))
        if "*" in locality and (locality.count("*") > 1 or not locality.endswith("*")):
            findings.add("TNO143", at, f"locality {shown(locality)}: one wildcard at the end is allowed")
        elif "" in parts:
            findings.add("TNO143", at, f"locality {shown(locality)} has an empty region, zone or subzone")
        prefix = parts[:-1] if parts[-1] == "*" else parts
        if any(prefix[: len(other)] == other or other[: len(prefix)] == prefix for other in seen):
            findings.add("TNO143", at, f"locality {shown(locality)} overlaps with another")
        seen.add(prefix)
