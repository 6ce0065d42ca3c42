"""What has changed between two looks at the status, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Narration:
    """Remembers what it has told."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def news(self, status: Mapping[str, Any]) -> Iterator[str]:
        """Lines for what is new or different since the last look."""
        now = dict(_facts(status))
        for key, fact in now.items():
            if self._told.get(key) != fact:
                yield fact
        for key in self._told.keys() - now.keys():
            if key.startswith("problem"):
                yield f"solved: {self._told[key].partition('  hint:')[0]}"
        self._told = now


def _facts(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for gateway in status["gateways"]:
        key = f"gateway {gateway['namespace']}/{gateway['name']} {gateway['port']} {gateway['hosts']}"
        address = f"{gateway['protocol']}://127.0.0.1:{gateway['listens']}"
        yield key, f"gateway {gateway['name']} ({', '.join(gateway['hosts'])}): {address}"
    if status["dashboard"]:
        yield "dashboard", f"dashboard: {status['dashboard']}"
    for workload in status["workloads"]:
        yield from _workload(workload)
    for service in status["services"]:
        for route in service["routes"]:
            yield _route(service["name"], route)
    for problem in status["problems"]:
        where = f"{problem['where']}: " if problem["where"] else ""
        hint = f"  hint: {problem['hint']}" if problem["hint"] else ""
        text = f"{where}{problem['severity']}: {problem['message']} [{problem['code']}]{hint}"
        yield f"problem {text}", text


def _workload(workload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name = workload["name"]
    ready = sum(pod["ready"] for pod in workload["pods"])
    yield f"workload {workload['namespace']}/{name}", f"{name}: {ready}/{workload['replicas']} ready"
    for pod in workload["pods"]:
        if pod["message"]:
            yield f"pod {pod['name']}", f"{pod['name']}: {pod['phase']}, {pod['message']}"


def _route(service: str, route: Mapping[str, Any]) -> tuple[str, str]:
    weights = ", ".join(f"{subset} {share} %" for subset, share in route["weights"].items())
    mirror = f", mirrored to {', '.join(route['mirror'])}" if route["mirror"] else ""
    key = f"route {route['virtual_service']} {route['route']} {service}"
    return key, f"{route['virtual_service']} {route['route']}: {weights}{mirror}"
