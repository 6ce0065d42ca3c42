"""Which lists are maps or sets in disguise, and which maps are one value: what server-side apply must know of a kind.

Source: the `x-kubernetes-list-type`, `-list-map-keys` and `-map-type` of Kubernetes' own OpenAPI, and of Gateway API's
CRDs. Istio's CRDs and ours have none, so their lists are one value each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from turnout.resources.kinds import GATEWAY_API, Kind

Keys = tuple[str, ...]
"""The fields that tell a list's items apart."""

ListType = Keys | Literal["set", "atomic"]

DEFAULTS: Final[Mapping[str, Any]] = {"protocol": "TCP"}
"""What a key is that an item leaves out."""

_METADATA: Final[Mapping[str, ListType]] = {"finalizers": "set", "ownerReferences": ("uid",)}
_GATEWAY_API: Final[Mapping[str, ListType]] = {"listeners": ("name",), "conditions": ("type",)}
_CORE: Final[Mapping[str, ListType]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "containerStatuses": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_PORTS: Final[Mapping[str, Keys]] = {"containers": ("containerPort", "protocol"), "spec": ("port", "protocol")}
"""`ports` of containers and of Services; those of endpoints are one value."""

_ATOMIC_MAPS: Final = frozenset(
    ("configMapKeyRef", "fieldRef", "nodeSelector", "resourceFieldRef", "secretKeyRef", "selector")
)


def list_type(kind: Kind, names: Sequence[str]) -> ListType:
    """Of the list at `names`, the fields that lead to it (`metadata`, `ownerReferences`)."""
    last, parent = names[-1], names[-2] if len(names) > 1 else ""
    if names[0] == "metadata":
        return _METADATA.get(last, "atomic") if len(names) == 2 else "atomic"
    if kind.group == GATEWAY_API:
        return _GATEWAY_API.get(last, "atomic")
    if not _is_core(kind):
        return "atomic"
    if last == "ports":
        return _PORTS.get(parent.replace("initC", "c"), "atomic")
    return _CORE.get(last, "atomic")


def is_atomic_map(kind: Kind, names: Sequence[str]) -> bool:
    return names[-1] in _ATOMIC_MAPS and _is_core(kind)


def keys_of(item: Any, keys: Keys) -> dict[str, Any] | None:
    """The item's identity; None when it lacks a part of it."""
    if not isinstance(item, Mapping):
        return None
    found = {key: item.get(key, DEFAULTS.get(key)) for key in keys}
    return None if None in found.values() else found


def _is_core(kind: Kind) -> bool:
    """Kubernetes' own: `apps`, `batch`, `discovery.k8s.io`; not the groups that CRDs bring."""
    return "." not in kind.group or (kind.group.endswith(".k8s.io") and kind.group != GATEWAY_API)
