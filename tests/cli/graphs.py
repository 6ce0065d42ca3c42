"""Graphs as the API answers with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

JSON = dict[str, Any]
GATEWAY = "istio-system/istio-ingressgateway"


def node(workload: str, service: str = "", version: str = "latest", *, namespace: str = "default") -> JSON:
    return {
        "id": f"{namespace}/{workload}",
        "kind": "workload",
        "namespace": namespace,
        "workload": workload,
        "service": service or workload,
        "version": version,
        "pods": 1,
        "ready": 1,
        "rate": 0.0,
        "error_share": 0.0,
        "mirrored_rate": 0.0,
    }


def gateway() -> JSON:
    return {**node("istio-ingressgateway", namespace="istio-system"), "kind": "gateway"}


def nobody(host: str) -> JSON:
    """A service that did not answer."""
    return {**node("", host), "id": f"service:{host}", "kind": "service", "namespace": "", "version": ""}


def edge(source: str, target: str, *, mirrored: bool = False, fan_out: float | None = None, **more: Any) -> JSON:
    name = target.rpartition("/")[2].partition("-")[0].removeprefix("service:")
    return {
        "source": source,
        "target": target,
        "service": f"{name}.default.svc.cluster.local",
        "subset": "",
        "mirrored": mirrored,
        "requests": 600,
        "rate": 10.0,
        "error_share": 0.0,
        "p50_ms": 1.25,
        "p90_ms": 2.0,
        "p99_ms": 123.4,
        "fan_out": fan_out,
        "codes": {"200": 600},
        **more,
    }


def graph(nodes: Sequence[JSON], edges: Sequence[JSON]) -> JSON:
    return {"at": 1_700_000_000.0, "seconds": 60.0, "nodes": [*nodes], "edges": [*edges]}


def dark_launch() -> JSON:
    """customer asks preference, that asks recommendation v1, and v2 gets a copy."""
    names = ("customer", "preference", "recommendation")
    nodes = [node(f"{name}-v1", name, "v1") for name in names]
    return graph(
        [*nodes, node("recommendation-v2", "recommendation", "v2"), gateway()],
        [
            edge("default/customer-v1", "default/preference-v1", fan_out=1.0),
            edge("default/preference-v1", "default/recommendation-v1", fan_out=1.0),
            edge("default/preference-v1", "default/recommendation-v2", mirrored=True, fan_out=1.0),
            edge(GATEWAY, "default/customer-v1"),
        ],
    )
