"""Names as Istio forms them: hosts, clusters, gateway references."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

DOMAIN = "cluster.local"
MESH = "mesh"
"""The reserved gateway name that means every workload's own proxy."""
BLOCK_ALL = "block_all"
"""Istio's name for the route that refuses what is for no known service."""


def fqdn(host: str, namespace: str) -> str:
    """A short name becomes `<host>.<namespace>.svc.cluster.local`; `*` and whatever contains a dot stay as they are."""
    return host if host == "*" or "." in host or ":" in host else f"{host}.{namespace}.svc.{DOMAIN}"


def cluster(port: int, subset: str, host: str) -> str:
    """Istio's name for an outbound cluster: `outbound|80|v1|reviews.default.svc.cluster.local`."""
    return f"outbound|{port}|{subset}|{host}"


@dataclass(frozen=True, slots=True)
class ClusterName:
    """A cluster's name taken apart. `kind` is `outbound`, or `mirror` and `copy` on the two sides of a mirror."""

    kind: str
    port: int
    subset: str
    host: str


@lru_cache(maxsize=4096)
def parse_cluster(name: str) -> ClusterName | None:
    """None: no cluster of a service. What comes after the host tells callers apart that see the service differently."""
    kind, *parts = name.split("|")
    if len(parts) < 3 or not parts[0].isdecimal():
        return None
    return ClusterName(kind, int(parts[0]), parts[1], parts[2])


def gateway_reference(name: str, namespace: str) -> str:
    """`gw` and `./gw` are the VirtualService's own namespace, the older `gw.ns` is `ns/gw`; `mesh` stays as it is."""
    if name == MESH:
        return MESH
    scope, slash, rest = name.rpartition("/")
    if not slash and "." in name:
        gateway, other = name.split(".")[:2]
        return f"{other}/{gateway}"
    return f"{namespace if scope in ('', '.') else scope}/{rest}"


def host_matches(pattern: str, host: str) -> bool:
    """Whether a possibly wildcarded host (`*`, `*.example.com`) covers another one, case-insensitively."""
    pattern, host = pattern.lower(), host.lower()
    if not pattern.startswith("*"):
        return pattern == host
    return host.removeprefix("*").endswith(pattern[1:])


def specificity(host: str) -> tuple[bool, int]:
    """Sorts hosts as Envoy prefers them: exact names above wildcards, longer above shorter."""
    return (not host.startswith("*"), len(host))


def narrower(a: str, b: str) -> str | None:
    """The more specific of two hosts when one covers the other; None when they do not meet."""
    if host_matches(a, b):
        return b
    return a if host_matches(b, a) else None


def exported(scopes: tuple[str, ...], owner: str, namespace: str) -> bool:
    """`exportTo`: everywhere unless it names `.` (the owner's namespace) or others."""
    return not scopes or "*" in scopes or namespace in scopes or ("." in scopes and namespace == owner)
