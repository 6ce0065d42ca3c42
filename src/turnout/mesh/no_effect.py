"""What a resource may say and one machine does not carry out. Every such field is named here, and warned of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem

HINT = "Istio on a cluster honours it; on one machine it is passed over"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A field by its path (`*` stands for every item of a list), what it is, and when it asks for something at all."""

    path: str
    what: str
    asks: Callable[[Any], bool] = bool

    @property
    def steps(self) -> list[str]:
        return self.path.split(".")


def _is_claim(headers: Any) -> bool:
    return any(name.lower().startswith("@request.auth.claims") for name in headers)


_VIRTUAL_SERVICE = (
    PassedOver("tcp.*.match.*.source_subnet", "sourceSubnet, which Istio passes over, too"),
    PassedOver("http.*.match.*.headers", "claims of a token never match", _is_claim),
    PassedOver("http.*.match.*.without_headers", "claims of a token are always absent", _is_claim),
    PassedOver("http.*.fault.delay.exponential_delay", "exponentialDelay"),
    PassedOver("http.*.fault.abort.http2_error", "http2Error"),
)

_BLOCKS = (
    PassedOver("tls.mode", "ISTIO_MUTUAL, which is plain text here", lambda mode: mode == "ISTIO_MUTUAL"),
    PassedOver("load_balancer.zone_aware_lb_setting", "zoneAwareLbSetting (there is one zone)"),
    PassedOver("load_balancer.simple", "PASSTHROUGH (LEAST_REQUEST is used)", lambda simple: simple == "PASSTHROUGH"),
    PassedOver("outlier_detection.consecutive_errors", "consecutiveErrors, which Istio passes over, too"),
)

_POLICY = (
    *_BLOCKS,
    *(PassedOver(f"port_level_settings.*.{entry.path}", entry.what, entry.asks) for entry in _BLOCKS),
    PassedOver("tunnel", "tunnel"),
)

_DESTINATION_RULE = (
    *(PassedOver(f"traffic_policy.{entry.path}", entry.what, entry.asks) for entry in _POLICY),
    *(PassedOver(f"subsets.*.traffic_policy.{entry.path}", entry.what, entry.asks) for entry in _POLICY),
)

_GATEWAY = (
    PassedOver("servers.*.tls.mode", "AUTO_PASSTHROUGH (there is one network)", lambda m: m == "AUTO_PASSTHROUGH"),
    PassedOver("servers.*.port.protocol", "servers of UDP and HBONE", lambda name: name.upper() in ("UDP", "HBONE")),
    PassedOver("servers.*.bind", "bind (servers listen on loopback)"),
    PassedOver("servers.*.default_endpoint", "defaultEndpoint"),
)

_SERVICE = (PassedOver("ports.*.protocol", "only TCP and what speaks over it is served", lambda name: name != "TCP"),)

_SERVICE_ENTRY = (
    PassedOver("location", "location (no workload here has an identity)", lambda place: place == "MESH_INTERNAL"),
    PassedOver("endpoints.*.network", "network (there is one)"),
    PassedOver("endpoints.*.service_account", "serviceAccount (no workload here has an identity)"),
)

_TABLE = {
    "VirtualService": _VIRTUAL_SERVICE,
    "DestinationRule": _DESTINATION_RULE,
    "Gateway": _GATEWAY,
    "Service": _SERVICE,
    "ServiceEntry": _SERVICE_ENTRY,
}


@dataclass(frozen=True, slots=True)
class _Node:
    """What is to be looked at in one place: `asked` of the value itself, then its fields, or its items.

    `fields`: the attribute, and how the object writes it.
    """

    asked: tuple[PassedOver, ...] = ()
    fields: tuple[tuple[str, str, _Node], ...] = ()
    items: _Node | None = None


@cache
def _tree(kind: str) -> _Node:
    """The table, so that every place is come to once, however many entries lead there."""
    return _node([(entry.steps, entry) for entry in _TABLE[kind]])


def _node(entries: Sequence[tuple[list[str], PassedOver]]) -> _Node:
    below: dict[str, list[tuple[list[str], PassedOver]]] = {}
    for steps, entry in entries:
        if steps:
            below.setdefault(steps[0], []).append((steps[1:], entry))
    items = below.pop("*", None)
    return _Node(
        tuple(entry for steps, entry in entries if not steps),
        tuple((step, _json(step), _node(inner)) for step, inner in below.items()),
        _node(items) if items else None,
    )


def no_effect(owner: ObjectPath, spec: Any) -> list[Problem]:
    """A warning for every field of the owner's spec that is set and not carried out."""
    found: list[tuple[str, PassedOver]] = []
    _visit(spec, _tree(owner.kind), "spec", found)
    return [problem("TNO302", replace(owner, path=path), f"no effect here: {what.what}", HINT) for path, what in found]


def _visit(value: Any, node: _Node, path: str, found: list[tuple[str, PassedOver]]) -> None:
    """Adds each place, written as in the object, whose value asks for what is passed over."""
    found += [(path, entry) for entry in node.asked if entry.asks(value)]
    if node.items is not None:
        for index, item in enumerate(value):
            _visit(item, node.items, f"{path}[{index}]", found)
    for attribute, written, inner in node.fields:
        below = getattr(value, attribute)
        if below is not None and below != ():
            _visit(below, inner, f"{path}.{written}", found)


def passed_over(kind: str, path: str) -> str:
    """What of a field is passed over, in words; empty where nothing is. `path`: as `http[].match[].headers`."""
    found = (entry.what for entry in _TABLE.get(kind, ()) if _written(entry.path) == path.replace("{}", ""))
    return "; ".join(found)


def _written(path: str) -> str:
    return ".".join(_json(step) for step in path.split(".")).replace(".*", "[]")


@cache
def _json(attribute: str) -> str:
    first, *others = attribute.split("_")
    return first + "".join(word.capitalize() for word in others)
