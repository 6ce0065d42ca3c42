"""How often the rules that would change were met lately, as the running Turnout has counted it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from turnout.client import Client
    from turnout.delivery.traffic_plan.route_change import RouteChange

SECONDS = 60
MOST_SERVICES = 100
"""Each is a question to the running Turnout."""

Rates = Mapping[tuple[str, str], float]
"""Service and label of a route to requests per second."""


def rates(client: Client, changes: Iterable[RouteChange]) -> Rates:
    """Of the last minute, copies left out. What was not asked for, or not met, is not in it."""
    hosts = dict.fromkeys(host for change in changes for host in change.counted[0])
    return {key: rate for host in list(hosts)[:MOST_SERVICES] for key, rate in _of_service(client, host).items()}


def rate(found: Rates | None, change: RouteChange) -> float | None:
    """Of the rule that a change's requests met before. None: nothing is running, or nobody counts what it answers."""
    hosts, label = change.counted
    return sum(found.get((host, label), 0.0) for host in hosts) if found is not None and hosts else None


def _of_service(client: Client, host: str) -> dict[tuple[str, str], float]:
    name, _, rest = host.partition(".")
    namespace, _, domain = rest.partition(".")
    if not domain.startswith("svc"):
        return {}
    counted: dict[str, Any] = client.view("counts", service=name, namespace=namespace, seconds=str(SECONDS))
    requests: dict[tuple[str, str], float] = {}
    for route, _, copies, buckets in counted["durations"]:
        if not copies:
            key = (host, route)
            requests[key] = requests.get(key, 0.0) + sum(count for *_, count in buckets) / SECONDS
    return requests
