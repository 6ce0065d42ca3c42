"""What the nodes of the service graph are called for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Node = Mapping[str, Any]

DOMAIN = ".svc.cluster.local"
NO_VERSION = "latest"
"""Istio's canonical revision of what has none."""


def named(nodes: Sequence[Node]) -> dict[str, str]:
    """By id: `reviews v2`, or the workload where that would not tell it from others; namespaces when there are two."""
    several = len({node["namespace"] for node in nodes if node["kind"] == "workload"}) > 1
    plain = {node["id"]: _plain(node, with_namespace=several) for node in nodes}
    often = Counter(plain.values())
    return {
        node["id"]: plain[node["id"]] if often[plain[node["id"]]] == 1 else f"{plain[node['id']]} ({node['workload']})"
        for node in nodes
    }


def _plain(node: Node, *, with_namespace: bool) -> str:
    if node["kind"] == "service":
        return short(node["service"])
    if node["kind"] != "workload":
        return str(node["workload"])
    scope = f".{node['namespace']}" if with_namespace else ""
    if node["version"] in ("", NO_VERSION):
        return f"{node['workload']}{scope}"
    return f"{node['service']}{scope} {node['version']}"


def short(host: str) -> str:
    """`reviews`, or `reviews.shop` outside of `default`; hosts from elsewhere as they are."""
    return host.removesuffix(DOMAIN).removesuffix(".default") if host.endswith(DOMAIN) else host
