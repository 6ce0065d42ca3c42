"""What an instance shows under `/turnout/v1/`, told of a cluster. Each view imports what it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from turnout.cluster.site import Site
from turnout.control.question import number, service_host
from turnout.error import ApiError, EvidenceFailed

LONGEST_SECONDS: Final = 7 * 24 * 3600.0
MOST_POINTS: Final = 120

Query = Mapping[str, str]


def answer(site: Site, name: str, query: Query, body: Any = None) -> Any:
    """Raises ApiError 404 for what cannot be told of a cluster, EvidenceFailed for what nobody has counted."""
    view = _VIEWS.get(name)
    if view is None:
        raise ApiError(404, "NotFound", f"{name} cannot be told of a cluster", "`turnout up` has it, on one machine")
    return view(site, query, body)


def _status(site: Site, query: Query, body: Any) -> Any:
    from turnout.cluster.status import status

    return status(site.live(), site.access.name, site.namespace, site.prometheus)


def _graph(site: Site, query: Query, body: Any) -> Any:
    """Also of calls to other namespaces' services: a graph has no edge."""
    from turnout.cluster.status import counted
    from turnout.control import graph

    seconds = number(query, "seconds", 60, least=1, most=LONGEST_SECONDS)
    live = site.live()
    found = counted(live, site.prometheus, site.namespace, seconds)
    if found.silent:
        raise EvidenceFailed(found.silent.message, found.silent.hint)
    pods = [pod for pod in live.pods if site.namespace in ("", pod.namespace)]
    longest = max((each.seconds for each in found.traffic.values()), default=seconds)
    return graph.of_world(live.world, pods, found.traffic, longest, time.time())


def _explain(site: Site, query: Query, body: Any) -> Any:
    from turnout.control.explained import Unanswerable, explained, question
    from turnout.control.world import gateway_ports

    world = site.live().world
    posed = question(body)
    if posed is None:
        raise ApiError(400, "BadRequest", "a question has a `method` and a `url`")
    found = explained(world, {port: port for port in gateway_ports(world.mesh)}, posed, {})
    if isinstance(found, Unanswerable):
        raise ApiError(422, "Unanswerable", found.message, found.hint)
    return found


def _routes(site: Site, query: Query, body: Any) -> Any:
    from turnout.control import routes
    from turnout.control.world import gateway_ports

    world = site.live().world
    return routes.of_world(world, {port: port for port in gateway_ports(world.mesh)}, {})


def _series(site: Site, query: Query, body: Any) -> Any:
    """In steps of a minute or more; without marks, for nobody there takes down what was changed."""
    from turnout.cluster.status import places
    from turnout.cluster.traffic import LEAST_SECONDS, over_time
    from turnout.control.timeline import Version, line, point, version_of
    from turnout.telemetry.traffic import Traffic

    host = service_host(query)
    seconds = number(query, "seconds", 900, least=1, most=LONGEST_SECONDS)
    step = max(number(query, "step", seconds / MOST_POINTS, least=0, most=LONGEST_SECONDS), LEAST_SECONDS)
    prometheus = site.prometheus
    if prometheus is None:
        raise EvidenceFailed("no Prometheus was found beside Istio")
    lines: dict[Version, list[dict[str, Any]]] = {}
    for at, traffic in over_time(prometheus, host, max(seconds, step), step, places(site.live())):
        together: dict[Version, Traffic] = {}
        for kind, found in traffic.items():
            if version := version_of(kind, host):
                together.setdefault(version, Traffic()).add(found)
        for version, found in together.items():
            lines.setdefault(version, []).append(point(at, found))
    versions = [line(version, lines[version]) for version in sorted(lines)]
    return {"at": time.time(), "step": step, "versions": versions, "marks": []}


def _blast(site: Site, query: Query, body: Any) -> Any:
    """Without traces: only how many calls a request makes on average."""
    from turnout.cluster.status import counted
    from turnout.control.blast import shown
    from turnout.telemetry.fan_out import Calls, Traced
    from turnout.telemetry.fan_out import counted as calls_counted

    host = service_host(query)
    seconds = number(query, "seconds", 300, least=1, most=LONGEST_SECONDS)
    found = counted(site.live(), site.prometheus, "", seconds)
    return shown(calls_counted(found.traffic, Calls(host, lambda _: True)), Traced({}))


_VIEWS: Final[Mapping[str, Callable[[Site, Query, Any], Any]]] = {
    "status": _status,
    "graph": _graph,
    "explain": _explain,
    "routes": _routes,
    "series": _series,
    "blast": _blast,
}
