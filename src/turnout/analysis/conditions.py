"""What the status of live objects says against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from turnout.analysis.inventory import Inventory, Subject
from turnout.analysis.istio_codes import istio_problem
from turnout.problem import Problem

ISTIO, SECURITY, GATEWAY_API = "networking.istio.io", "security.istio.io", "gateway.networking.k8s.io"
_WAYPOINT = frozenset(("istio.io/WaypointBound",))
_ROUTING = frozenset(("Accepted", "Programmed", "ResolvedRefs"))
_TOLD = {
    ("", "Service"): _WAYPOINT,
    (ISTIO, "ServiceEntry"): _WAYPOINT,
    (SECURITY, "AuthorizationPolicy"): frozenset(("ZtunnelAccepted", "WaypointAccepted")),
    (GATEWAY_API, "Gateway"): _ROUTING,
    (GATEWAY_API, "HTTPRoute"): _ROUTING,
    (GATEWAY_API, "GRPCRoute"): _ROUTING,
}
"""The conditions that say something is wrong when they are false; others are for other programs."""
PARTLY = ("WaypointAccepted", "PartiallyInvalid")
"""Type and reason of a condition that is true, and yet tells of a fault."""


def conditions(inventory: Inventory) -> Iterator[Problem]:
    """IST0171, for each such condition."""
    for subject in inventory.subjects:
        types = _TOLD.get((subject.group, subject.kind))
        for path, condition in _conditions(subject) if types else ():
            kind, reason = str(condition.get("type", "")), str(condition.get("reason", ""))
            is_false = types is not None and kind in types and str(condition.get("status")) == "False"
            if is_false or (subject.group == SECURITY and (kind, reason) == PARTLY):
                message = f"{kind} is {condition.get('status')}, reason {reason}: {condition.get('message', '')}"
                yield istio_problem("IST0171", subject.where(path), message)


def _conditions(subject: Subject) -> Iterator[tuple[str, Mapping[str, Any]]]:
    status = subject.obj.get("status")
    if not isinstance(status, Mapping):
        return
    yield from _listed("status.conditions", status.get("conditions"))
    for index, parent in _listed_with_index(status.get("parents")):
        yield from _listed(f"status.parents[{index}].conditions", parent.get("conditions"))


def _listed(path: str, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for index, item in _listed_with_index(value):
        yield f"{path}[{index}]", item


def _listed_with_index(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, Mapping):
            yield index, item
