"""One side of a plan: who may call, and what each finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from turnout.compiler.route import Scope, label
from turnout.delivery.traffic_plan import effect
from turnout.delivery.traffic_plan.condition import Condition, condition
from turnout.delivery.traffic_plan.effect import Effect
from turnout.mesh import routing
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Egress, Ingress, Proxy
from turnout.mesh.routing import RouteTable, VirtualHost
from turnout.mesh.rule import Rule

NO_HOST_INSIDE = effect.answered("answered with 502: no service has this name")
NO_HOST_OUTSIDE = effect.answered("answered with 404: no route has this host")
NO_RULE = effect.answered("answered with 404: no rule matches")
CLOSED_PORT = effect.answered("nobody listens on this port")
NO_CALLER = effect.answered("nobody calls from there")
TO_HTTPS = effect.answered("redirected with 301 to https")


@dataclass(frozen=True, slots=True)
class Written:
    """A rule's place: the object, and indices of the route in it and of the route's match."""

    kind: str
    namespace: str
    name: str
    index: int
    match_index: int

    @property
    def path(self) -> tuple[str | int, ...]:
        """`("spec", "http", 0, "match", 1)`."""
        entries, matches = ("http", "match") if self.kind == "VirtualService" else ("rules", "matches")
        return ("spec", entries, self.index, matches, self.match_index)


@dataclass(frozen=True, slots=True)
class Line:
    """One rule as a caller meets it. `rule`: where it is written; None for what no VirtualService says.

    `label`: what its requests are counted under.
    """

    condition: Condition
    effect: Effect
    rule: Written | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Entrance:
    """What has a route table of its own; `proxy` is the first of those that it is for."""

    name: str
    table: RouteTable
    scope: Scope
    proxy: Proxy

    def lines(self, host: VirtualHost) -> list[Line]:
        """In the order in which they are tried."""
        everything = Condition.of_all()
        if host.require_tls and not (isinstance(self.proxy, Ingress) and self.proxy.server):
            return [Line(everything, TO_HTTPS)]
        if host.tcp:
            return [Line(everything, effect.of_connections(host.tcp, self.scope))]
        return [_line(rule, self.scope) for rule in host.rules]

    @property
    def unknown(self) -> Effect:
        """What becomes of requests for hosts that are not there."""
        return NO_HOST_INSIDE if isinstance(self.proxy, Egress) else NO_HOST_OUTSIDE

    @property
    def closed(self) -> Effect:
        """What becomes of requests where there is no such entrance."""
        return NO_CALLER if isinstance(self.proxy, Egress) else CLOSED_PORT


def _line(rule: Rule, scope: Scope) -> Line:
    kind = rule.gateway_api or "VirtualService"
    written = next((Written(kind, *place) for place in rule.places), None)
    asked = condition(rule.match, segmented=bool(rule.gateway_api))
    return Line(asked, effect.of_rule(rule, scope), written, label(rule))


@dataclass(frozen=True, slots=True)
class Side:
    """All of a mesh as its callers have it, before or after."""

    mesh: Mesh
    proxies: tuple[Proxy, ...] = ()
    entrances: dict[str, Entrance] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    """Proxy to the name of its entrance: workloads of a namespace share one, unless rules look at labels."""

    @classmethod
    def of(cls, mesh: Mesh, proxies: Sequence[Proxy]) -> Side:
        ways = [way for proxy in proxies for way in routing.entrances(mesh, proxy)]
        scope = effect.scope(mesh, {proxy.namespace for proxy in proxies})
        entrances: dict[str, Entrance] = {}
        tables: dict[str, str] = {}
        for way, name in zip(ways, routing.table_names(mesh, ways), strict=True):
            tables[way.name] = name
            if name not in entrances:
                entrances[name] = Entrance(name, routing.table(mesh, way, name), scope, way)
        return cls(mesh, tuple(proxies), entrances, tables)


def pairs(before: Side, after: Side) -> Iterator[tuple[list[str], Entrance | None, Entrance | None]]:
    """What is to be compared, each pair once, with the names of the proxies that it is for."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in {**before.tables, **after.tables}:
        groups.setdefault((before.tables.get(name, ""), after.tables.get(name, "")), []).append(name)
    for (old, new), names in groups.items():
        yield names, before.entrances.get(old), after.entrances.get(new)
