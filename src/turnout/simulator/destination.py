"""Where a route leads: its clusters with their chances, and the pods behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from envoy.config.route.v3.route_components_pb2 import Route, RouteAction, WeightedCluster

from turnout.mesh.mesh import Mesh
from turnout.mesh.rule import Target
from turnout.mesh.service import Instance
from turnout.resources.core import ServicePort
from turnout.simulator.answer import Destination, Endpoint
from turnout.simulator.headers import Adjusting, sent_on
from turnout.simulator.reading import response_headers

AS_ASKED = ("NONE", "DYNAMIC_DNS")
"""Resolutions of ServiceEntries that name no endpoint."""
INTERNAL_SERVER_ERROR = RouteAction.INTERNAL_SERVER_ERROR
_MILLION = 1_000_000


def destinations(mesh: Mesh, route: Route, known: frozenset[str], headers: Mapping[str, str]) -> Iterator[Destination]:
    """In the order in which they are written. `known`: the clusters that exist; `headers`: the request's."""
    missing = 500 if route.route.cluster_not_found_response_code == INTERNAL_SERVER_ERROR else 503
    weighted = route.route.weighted_clusters.clusters
    total = sum(each.weight.value for each in weighted)
    for each in weighted:
        place = placed(mesh, each.name, known, 100 * each.weight.value / total, missing)
        yield _sent(place, route.route, headers, (each, route), each)
    if not weighted:
        yield _sent(placed(mesh, route.route.cluster, known, 100.0, missing), route.route, headers, (route,), None)


def _sent(
    place: Destination,
    action: RouteAction,
    headers: Mapping[str, str],
    operations: tuple[Adjusting, ...],
    weighted: WeightedCluster.ClusterWeight | None,
) -> Destination:
    """The route's own host counts before that of one of several destinations."""
    host = action.host_rewrite_literal or (weighted.host_rewrite_literal if weighted else "") or headers[":authority"]
    own = tuple(response_headers(weighted)) if weighted else ()
    return replace(place, authority=host, headers=sent_on(headers, operations), response_headers=own)


def mirrors(mesh: Mesh, targets: Iterable[Target], action: RouteAction, known: frozenset[str]) -> Iterator[Destination]:
    """`targets`: what copies go to, in the order of the route's policies."""
    for policy, target in zip(action.request_mirror_policies, targets, strict=True):
        percent = 100 * policy.runtime_fraction.default_value.numerator / _MILLION
        yield placed(mesh, target.cluster, known, percent)


def placed(mesh: Mesh, cluster: str, known: frozenset[str], percent: float, missing: int = 503) -> Destination:
    """What a cluster's name leads to. `missing`: the status where there is no such cluster."""
    _, port, subset, host, *view = cluster.split("|")
    found = Destination(cluster, host, subset, int(port), percent)
    service = mesh.services.get(host)
    if cluster not in known or service is None:
        return replace(found, failure="NC", failure_status=missing)
    own = mesh.policy(host, "".join(view)).subset(subset) if subset else None
    written = service.port(int(port))
    pods = tuple(
        Endpoint(i.namespace, i.workload, i.name, _address(i, written), i.draining)
        for i in mesh.endpoints(service, own)
        if written is None or i.serves(written)
    )
    if service.resolution in AS_ASKED:
        return replace(found, as_asked=True)
    alive = any(not pod.draining for pod in pods)
    return replace(found, endpoints=pods, failure="" if alive else "UH", failure_status=None if alive else 503)


def _address(pod: Instance, port: ServicePort | None) -> str:
    """Where it listens; empty where nobody knows, as of files alone."""
    return f"{pod.address}:{pod.target(port)}" if port and pod.address else ""
