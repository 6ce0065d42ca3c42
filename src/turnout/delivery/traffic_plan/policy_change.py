"""What changes on the way to a service: its versions' labels, and what DestinationRules say of connections."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from turnout.delivery.traffic_plan.effect import short
from turnout.mesh.mesh import Mesh
from turnout.resources.decode import json_name
from turnout.resources.destination_rule import Subset, TrafficPolicy
from turnout.resources.duration import written

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """`subsets`: an empty one is the service as a whole. `field`: `connectionPool.http.maxRetries`, or `labels`.

    `ports`: on which of them; empty for labels. `callers_in`: a namespace, where its callers alone are affected.
    """

    host: str
    subsets: tuple[str, ...]
    field: str
    before: str
    after: str
    ports: tuple[int, ...] = ()
    callers_in: str = ""


def policy_changes(before: Mesh, after: Mesh, namespaces: Iterable[str]) -> list[PolicyChange]:
    """Of services and subsets that are there before and after; others are new to every route that leads there."""
    found: dict[PolicyChange, list[str]] = {}
    own = sorted(set(namespaces))
    for host in sorted(before.services.keys() & after.services.keys()):
        views = {(before.view(host, caller), after.view(host, caller)) for caller in own} | {("", "")}
        for old_view, new_view in sorted(views):
            old, new = before.policy(host, old_view), after.policy(host, new_view)
            view = new_view or old_view
            for subset in (None, *(subset for subset in new.subsets if old.subset(subset.name))):
                was = old.subset(subset.name) if subset else None
                ports = [port.port for port in after.services[host].spec.ports]
                policies = ((port, old.policy(port, was), new.policy(port, subset)) for port in ports)
                for change in (*_labels(host, view, was, subset), *_policies(host, view, policies)):
                    found.setdefault(change, []).append(subset.name if subset else "")
    return [dataclasses.replace(change, subsets=tuple(dict.fromkeys(subsets))) for change, subsets in found.items()]


def _labels(host: str, view: str, old: Subset | None, new: Subset | None) -> Iterator[PolicyChange]:
    if old and new and old.labels != new.labels:
        yield PolicyChange(short(host), (), "labels", _shown(old.labels), _shown(new.labels), callers_in=view)


def _policies(
    host: str, view: str, policies: Iterable[tuple[int, TrafficPolicy, TrafficPolicy]]
) -> Iterator[PolicyChange]:
    ports: dict[tuple[str, str, str], list[int]] = {}
    for port, old, new in policies:
        was, now = dict(_fields(old)), dict(_fields(new))
        for name in dict.fromkeys((*was, *now)):
            if was.get(name) != now.get(name):
                changed = (name, was.get(name, NOTHING), now.get(name, NOTHING))
                ports.setdefault(changed, []).append(port)
    for (name, before, after), on in ports.items():
        yield PolicyChange(short(host), (), name, before, after, tuple(on), view)


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field that is not as it would be without a word, under the name that manifests have for it."""
    for field in dataclasses.fields(value):
        own = getattr(value, field.name)
        if own == field.default:
            continue
        name = f"{path}.{json_name(field)}".lstrip(".")
        if dataclasses.is_dataclass(own):
            yield from list(_fields(own, name)) or [(name, "{}")]
        elif own not in (None, "", (), {}):
            yield name, _shown(own)


def _shown(value: Any) -> str:
    if isinstance(value, timedelta):
        return written(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in sorted(value.items())) or NOTHING
    if isinstance(value, tuple):
        return ", ".join(_shown(item) for item in value)
    if dataclasses.is_dataclass(value):
        return "{" + ", ".join(f"{name}: {item}" for name, item in _fields(value)) + "}"
    return str(value).lower() if isinstance(value, bool) else f"{value}"
