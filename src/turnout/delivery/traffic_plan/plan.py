"""The plan as a whole: routes, policies, and whatever else Envoy would be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from turnout.compiler.compile import compile
from turnout.compiler.config import ENDPOINTS, Config
from turnout.delivery.traffic_plan.entrance import Side
from turnout.delivery.traffic_plan.policy_change import PolicyChange, policy_changes
from turnout.delivery.traffic_plan.route_change import RouteChange, route_changes

LISTENER = "Listener"
_TOLD = ("mirror|", "copy|", "egress|", "inside|")
"""Where copies go, and ways out of workloads: they come and go with what is told of routes and of objects."""


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One of Envoy's resources: `kind` is `Listener`, `Cluster`, `RouteConfiguration`, …; `change` in one word."""

    kind: str
    name: str
    change: str


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """`config`: everything that Envoy would be told, whether or not it shows above; empty: nothing would change."""

    routes: tuple[RouteChange, ...]
    policies: tuple[PolicyChange, ...]
    config: tuple[ConfigChange, ...]

    @property
    def unexplained(self) -> tuple[ConfigChange, ...]:
        """What routes, policies and objects do not account for: a gateway's ports, or all where there is neither."""
        told = [change for change in self.config if not change.name.startswith(_TOLD)]
        if not self.routes and not self.policies:
            return tuple(told)
        return tuple(change for change in told if change.kind == LISTENER)


def traffic_plan(before: Side, after: Side) -> TrafficPlan:
    """Proxies are told by their names: what is new listens where nobody did, what is gone leaves nobody there."""
    namespaces = {proxy.namespace for proxy in (*before.proxies, *after.proxies)}
    return TrafficPlan(
        tuple(route_changes(before, after)),
        tuple(policy_changes(before.mesh, after.mesh, namespaces)),
        tuple(_config_changes(compile(before.mesh, before.proxies), compile(after.mesh, after.proxies))),
    )


def _config_changes(before: Config, after: Config) -> Iterator[ConfigChange]:
    """Endpoints are left out: which pods run is no matter of routing."""
    for type_url, now in after.resources.items():
        was = before.resources.get(type_url, {})
        kind = type_url.rpartition(".")[2]
        for name in sorted({**was, **now}) if type_url != ENDPOINTS else ():
            old, new = was.get(name), now.get(name)
            if old is None or new is None or old.version != new.version:
                yield ConfigChange(kind, name, "new" if old is None else "gone" if new is None else "changed")
