"""Nodes and edges as the `graph` view has them."""

from __future__ import annotations

from typing import Any


def workload(service: str, version: str = "v1", **more: Any) -> dict[str, Any]:
    return {
        "id": f"default/{service}-{version}",
        "kind": "workload",
        "namespace": "default",
        "workload": f"{service}-{version}",
        "service": service,
        "version": version,
        "pods": 1,
        "ready": 1,
        "rate": 0.0,
        "error_share": 0.0,
        "mirrored_rate": 0.0,
        **more,
    }


def gateway() -> dict[str, Any]:
    name = "istio-ingressgateway"
    node = workload(name, "latest", pods=0, ready=0)
    return {**node, "id": f"istio-system/{name}", "kind": "gateway", "namespace": "istio-system", "workload": name}


def nobody(host: str) -> dict[str, Any]:
    """Who should have answered."""
    node = workload(host, "", pods=0, ready=0)
    return {**node, "id": f"service:{host}", "kind": "service", "namespace": "", "workload": ""}


def call(source: dict[str, Any], target: dict[str, Any], requests: int = 100, **more: Any) -> dict[str, Any]:
    return {
        "source": source["id"],
        "target": target["id"],
        "service": target["service"]
        if target["kind"] == "service"
        else f"{target['service']}.default.svc.cluster.local",
        "subset": "",
        "mirrored": False,
        "requests": requests,
        "errors": 0,
        "rate": requests / 10,
        "error_share": 0.0,
        "p50_ms": 4.2,
        "p90_ms": 8.0,
        "p99_ms": 12.0,
        "fan_out": 1.0,
        "codes": {"200": requests},
        "flags": {},
        "routes": [],
        **more,
    }


def graph(nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> dict[str, Any]:
    return {"at": 1e9, "seconds": 10, "nodes": nodes, "edges": edges}
