"""Who calls whom: traffic per series as a graph of workloads and the calls between them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from turnout.mesh.names import parse_cluster
from turnout.mesh.proxy import GATEWAY_NAMESPACE, GATEWAY_WORKLOAD
from turnout.telemetry import flags
from turnout.telemetry.route_map import RouteMap, Version, Way
from turnout.telemetry.series import OTHER, Series
from turnout.telemetry.traffic import Traffic

UNKNOWN = "unknown"


class NodeKind(StrEnum):
    GATEWAY = "gateway"
    WORKLOAD = "workload"
    SERVICE = "service"
    """Stands for whoever should have answered: nobody did."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Node:
    """`service` and `version`: Istio's canonical name and revision."""

    kind: NodeKind
    namespace: str = ""
    workload: str = ""
    service: str = ""
    version: str = ""
    pods: int = 0
    ready: int = 0

    @property
    def id(self) -> str:
        if self.kind is NodeKind.SERVICE:
            return service_id(self.service)
        return node_id(self.namespace, self.workload)


def node_id(namespace: str, workload: str) -> str:
    """`namespace/workload`; whoever is not known has a word for an id."""
    return f"{namespace}/{workload}" if namespace else workload or UNKNOWN


def service_id(host: str) -> str:
    return f"service:{host}"


GATEWAY = Node(NodeKind.GATEWAY, GATEWAY_NAMESPACE, GATEWAY_WORKLOAD, GATEWAY_WORKLOAD, "latest")


@dataclass(slots=True)
class Edge:
    """Calls from one node to another for one service. `mirrored`: copies, which nobody waits for."""

    source: str
    target: str
    service: str
    subset: str
    mirrored: bool
    traffic: Traffic = field(default_factory=Traffic)
    codes: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    routes: set[str] = field(default_factory=set)

    def add(self, series: Series, traffic: Traffic) -> None:
        self.traffic.add(traffic)
        self.codes[series.response_code] += traffic.requests
        for flag in flags.split(series.response_flags):
            self.flags[flag] += traffic.requests
        if series.route:
            self.routes.add(series.route)


@dataclass(frozen=True, slots=True)
class Graph:
    """`nodes` by id; `edges` sorted. Every edge's ends are nodes."""

    nodes: Mapping[str, Node]
    edges: Sequence[Edge]

    def incoming(self, node: str, *, mirrored: bool = False) -> Traffic:
        """What came into a node; into a gateway: what it passed on, for every request does that once."""
        total = Traffic()
        gateway = self.nodes[node].kind is NodeKind.GATEWAY
        for edge in self.edges:
            if edge.mirrored is mirrored and (edge.source if gateway else edge.target) == node:
                total.add(edge.traffic)
        return total

    def fan_out(self) -> list[float | None]:
        """Of each edge, the calls per request that came into its source; None where that is not known.

        Copies count as requests, for they cause calls too. A workload's calls to itself do not: they are caused by
        requests that came from elsewhere.
        """
        came = Counter[str]()
        for edge in self.edges:
            if edge.source != edge.target:
                came[edge.target] += edge.traffic.requests
        return [edge.traffic.requests / came[edge.source] if came[edge.source] else None for edge in self.edges]


def graph(traffic: Mapping[Series, Traffic], known: Iterable[Node], routes: RouteMap) -> Graph:
    """All `known` nodes, with traffic or without, and those that only traffic tells of."""
    nodes = {node.id: node for node in known}
    edges: dict[tuple[str, str, str, str, bool], Edge] = {}
    callers = _Callers(traffic, routes)
    for series, found in traffic.items():
        if not found.requests:
            continue
        service, subset = _version(series, routes)
        target = _target(series, service)
        nodes.setdefault(target.id, target)
        for source, part in callers.shares(series, found):
            nodes.setdefault(source.id, source)
            key = (source.id, target.id, service, subset, series.mirrored)
            edges.setdefault(key, Edge(*key)).add(series, part)
    return Graph(nodes, [edges[key] for key in sorted(edges)])


def _version(series: Series, routes: RouteMap) -> Version:
    """Envoy names no service where a route leads to one that is not there: then the route tells."""
    service = series.destination_service
    return (service, series.subset) if service else routes.version(series.route)


def _target(series: Series, service: str) -> Node:
    if series.destination_workload:
        return _workload(
            series.destination_workload_namespace,
            series.destination_workload,
            series.destination_canonical_service,
            series.destination_canonical_revision,
        )
    return Node(NodeKind.SERVICE, service=service) if service else Node(NodeKind.UNKNOWN, workload=UNKNOWN)


def _source(series: Series) -> Node:
    return _workload(
        series.source_workload_namespace,
        series.source_workload,
        series.source_canonical_service,
        series.source_canonical_revision,
    )


def _workload(namespace: str, workload: str, service: str, version: str) -> Node:
    if (namespace, workload) == (GATEWAY_NAMESPACE, GATEWAY_WORKLOAD):
        return GATEWAY
    if workload in ("", OTHER) and not namespace:
        return Node(NodeKind.UNKNOWN, workload=workload or UNKNOWN)
    return Node(NodeKind.WORKLOAD, namespace, workload, service, version)


# --- copies


class _Callers:
    """Whose requests were copied: the copies themselves do not say."""

    def __init__(self, traffic: Mapping[Series, Traffic], routes: RouteMap) -> None:
        self._routes = routes
        self._traffic = traffic
        self._known: dict[Version, dict[Node, float]] = {}

    def shares(self, series: Series, found: Traffic) -> Iterator[tuple[Node, Traffic]]:
        """Who made these requests; copies are shared out in proportion."""
        if not series.mirrored or series.source_workload:
            yield _source(series), found
            return
        weights = self._copied(series) or {_source(series): 1.0}
        for node, requests in zip(weights, apportioned(found.requests, list(weights.values())), strict=True):
            if requests:
                errors = requests if series.failed else 0
                yield node, Traffic(requests, errors, found.seconds, found.durations)

    def _copied(self, copy: Series) -> dict[Node, float]:
        cluster = parse_cluster(copy.upstream_cluster)
        if cluster is None:
            return {}
        version = (cluster.host, cluster.subset)
        if version not in self._known:
            self._known[version] = self._by_route(version) or dict(self._requests.get(cluster.host, {}))
        return self._known[version]

    def _by_route(self, version: Version) -> dict[Node, float]:
        """By the routes that copy there now; without any, the mirror has been switched off since."""
        weights: dict[Node, float] = {}
        for copying in self._routes.copying.get(version, ()):
            for way in copying.ways:
                for source, requests in self._requests.get(way, Counter()).items():
                    weights[source] = weights.get(source, 0.0) + requests * copying.percent
        return weights

    @cached_property
    def _requests(self) -> Mapping[Way | str, Counter[Node]]:
        """Callers and their requests: by the way these took, and by the service they were for."""
        found: defaultdict[Way | str, Counter[Node]] = defaultdict(Counter)
        for series, traffic in self._traffic.items():
            cluster = parse_cluster(series.upstream_cluster)
            if cluster and series.source_workload and not series.mirrored and traffic.requests:
                source = _source(series)
                way = Way(series.route, source.kind is NodeKind.GATEWAY, (cluster.host, cluster.subset))
                found[way][source] += traffic.requests
                found[cluster.host][source] += traffic.requests
        return found


def apportioned(whole: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the weights that total `whole`: the largest remainders are rounded up."""
    total = sum(weights)
    exact = [whole * weight / total for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda at: exact[at] - parts[at], reverse=True)
    for at in by_remainder[: whole - sum(parts)]:
        parts[at] += 1
    return parts
