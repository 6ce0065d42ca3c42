"""What a resource may say and one machine does not carry out. Every such field is named here, and warned of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    PassedOver("subject_alt_names", "subjectAltNames (those in a DestinationRule's tls count)"),
    PassedOver("endpoints.*.service_account", "serviceAccount (no workload here has an identity)"),
)

_TABLE = {
    "VirtualService": _VIRTUAL_SERVICE,
    "DestinationRule": _DESTINATION_RULE,
    "Gateway": _GATEWAY,
    "Service": _SERVICE,
    "ServiceEntry": _SERVICE_ENTRY,
}


def no_effect(owner: ObjectPath, spec: Any) -> Iterator[Problem]:
    """A warning for every field of the owner's spec that is set and not carried out."""
    for entry in _TABLE[owner.kind]:
        for path, value in _values(spec, entry.steps, "spec"):
            if entry.asks(value):
                yield problem("TNO302", replace(owner, path=path), f"no effect here: {entry.what}", HINT)


def passed_over(kind: str, path: str) -> str:
    """What of a field is passed over, in words; empty where nothing is. `path`: as `http[].match[].headers`."""
    found = (entry.what for entry in _TABLE.get(kind, ()) if _written(entry.path) == path.replace("{}", ""))
    return "; ".join(found)


def _written(path: str) -> str:
    return ".".join(_json(step) for step in path.split(".")).replace(".*", "[]")


def _values(value: Any, steps: list[str], path: str) -> Iterator[tuple[str, Any]]:
    """Every place that the steps lead to, written as in the object, and what is there."""
    if value is None:
        return
    if not steps:
        yield path, value
        return
    step, rest = steps[0], steps[1:]
    if step == "*":
        for index, item in enumerate(value):
            yield from _values(item, rest, f"{path}[{index}]")
    else:
        yield from _values(getattr(value, step), rest, f"{path}.{_json(step)}")


@cache
def _json(attribute: str) -> str:
    first, *others = attribute.split("_")
    return first + "".join(word.capitalize() for word in others)
