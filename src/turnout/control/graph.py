"""The service graph of the last seconds, as JSON carries it: workloads as nodes, calls and copies as edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from turnout.apiserver.view import ViewRequest
from turnout.control.question import number
from turnout.control.world import World
from turnout.mesh.service import canonical_name, revision
from turnout.telemetry.graph import GATEWAY, Edge, Graph, Node, NodeKind
from turnout.telemetry.graph import graph as drawn
from turnout.telemetry.route_map import route_map
from turnout.telemetry.series import Series
from turnout.telemetry.traffic import Traffic
from turnout.workloads.status import PodStatus

if TYPE_CHECKING:
    from turnout.control.instance import Instance
    from turnout.telemetry.store import Store

IN_MEMORY_SECONDS = 60
"""What is further back is asked of the store."""
STEPS = 60
LONGEST_SECONDS = 7 * 24 * 3600


async def graph(instance: Instance, request: ViewRequest, now: float) -> dict[str, Any]:
    """`seconds` back from `now` (unix). Rates are per second over all of them. Raises ApiError."""
    seconds = number(request.query, "seconds", IN_MEMORY_SECONDS, least=1, most=LONGEST_SECONDS)
    await instance.telemetry.look_for(request.query)
    traffic = await traffic_within(instance, seconds, now)
    return of_world(instance.world, instance.pods(), traffic, seconds, now)


def of_world(
    world: World, pods: Iterable[PodStatus], traffic: Mapping[Series, Traffic], seconds: float, now: float
) -> dict[str, Any]:
    """The graph of what was counted within `seconds`."""
    found = drawn(traffic, _known(world, pods), route_map(world.mesh))
    return {"at": now, "seconds": seconds, "nodes": list(_nodes(found)), "edges": list(_edges(found))}


async def traffic_within(instance: Instance, seconds: float, now: float) -> Mapping[Series, Traffic]:
    """What each kind of request did in the seconds up to `now` (unix)."""
    if seconds <= IN_MEMORY_SECONDS:
        return instance.telemetry.window.traffic(seconds)
    return await instance.telemetry.ask(lambda store: _stored(store, seconds, now))


def _stored(store: Store, seconds: float, now: float) -> dict[Series, Traffic]:
    """Steps begin at round times, so the first one reaches a little further back."""
    together: dict[Series, Traffic] = {}
    for _, traffic in store.windows(now - seconds, now, seconds / STEPS, lambda _: True):
        for series, found in traffic.items():
            together.setdefault(series, Traffic()).add(found)
    span = store.span()
    for found in together.values():
        found.seconds = min(seconds, now - span[0]) if span else seconds
    return together


def _known(world: World, pods: Iterable[PodStatus]) -> Iterator[Node]:
    """Everything that runs or is to run, and the gateway if there is one."""
    if world.mesh.gateways:
        yield GATEWAY
    kept = [pod for pod in pods if not pod.draining]
    for (namespace, workload), labels in world.callers.items():
        own = [pod for pod in kept if (pod.namespace, pod.workload) == (namespace, workload)]
        yield Node(
            NodeKind.WORKLOAD,
            namespace,
            workload,
            canonical_name(labels, workload),
            revision(labels),
            pods=len(own),
            ready=sum(pod.ready for pod in own),
        )


def _nodes(found: Graph) -> Iterator[dict[str, Any]]:
    for key in sorted(found.nodes):
        node, came = found.nodes[key], found.incoming(key)
        yield {
            "id": key,
            "kind": str(node.kind),
            "namespace": node.namespace,
            "workload": node.workload,
            "service": node.service,
            "version": node.version,
            "pods": node.pods,
            "ready": node.ready,
            "rate": came.rate,
            "error_share": _error_share(came),
            "mirrored_rate": found.incoming(key, mirrored=True).rate,
        }


def _edges(found: Graph) -> Iterator[dict[str, Any]]:
    for edge, fan_out in zip(found.edges, found.fan_out(), strict=True):
        yield _edge(edge) | {"fan_out": fan_out}


def _edge(edge: Edge) -> dict[str, Any]:
    traffic = edge.traffic
    return {
        "source": edge.source,
        "target": edge.target,
        "service": edge.service,
        "subset": edge.subset,
        "mirrored": edge.mirrored,
        "requests": traffic.requests,
        "errors": traffic.errors,
        "rate": traffic.rate,
        "error_share": _error_share(traffic),
        "p50_ms": traffic.milliseconds(0.5),
        "p90_ms": traffic.milliseconds(0.9),
        "p99_ms": traffic.milliseconds(0.99),
        "p999_ms": traffic.milliseconds(0.999),
        "codes": dict(sorted(edge.codes.items())),
        "flags": dict(sorted(edge.flags.items())),
        "routes": sorted(edge.routes),
    }


def _error_share(traffic: Traffic) -> float:
    return traffic.errors / traffic.requests if traffic.requests else 0.0
