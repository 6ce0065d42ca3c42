"""What `turnout status` shows of a cluster, in the form that an instance gives it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from turnout import __version__
from turnout.cluster.live import Live, unseen
from turnout.cluster.traffic import LEAST_SECONDS, Labels, Name, Places, ever, lately, subset_of
from turnout.control.status import gateways, hops, problem_json, services, workloads
from turnout.error import EvidenceFailed
from turnout.evidence.finding import Prometheus
from turnout.mesh.service import ServiceHost, selects
from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem
from turnout.telemetry.route_map import route_map
from turnout.telemetry.series import Series
from turnout.telemetry.stats import Snapshot
from turnout.telemetry.traffic import Traffic

NOT_COUNTED, NOT_READ = "TNO420", "TNO421"


@dataclass(frozen=True, slots=True)
class Counted:
    """What Prometheus says; `silent`: why it does not."""

    traffic: dict[Series, Traffic]
    totals: dict[Series, int]
    silent: Problem | None = None


def status(live: Live, context: str, namespace: str, prometheus: Prometheus | None) -> dict[str, Any]:
    """Of one namespace, or of all if it is empty. Rates and latencies are of the last minute."""
    world = live.world
    found = counted(live, prometheus, namespace)
    hosts = [host for host in world.mesh.services.values() if namespace in ("", host.namespace)]
    deployments = [each for each in world.deployments if namespace in ("", each.metadata.namespace)]
    snapshot = Snapshot(0.0, requests=found.totals)
    return {
        "version": __version__,
        "pid": None,
        "serving": True,
        "up_to_date": True,
        "state": "",
        "dashboard": None,
        "envoy": None,
        "memory": {},
        "cluster": {
            "context": context,
            "namespace": namespace,
            "prometheus": prometheus.name if prometheus else None,
            "window_seconds": LEAST_SECONDS,
        },
        "gateways": list(gateways(world.mesh, {})),
        "services": services(world.mesh, hosts, live.pods, found.traffic, snapshot),
        "workloads": workloads(deployments, live.pods),
        "hops": list(hops(found.totals)),
        "mirrors": [],
        "clusters": {},
        "drift": [],
        "problems": [problem_json(each) for each in _problems(live, namespace, found)],
    }


def counted(live: Live, prometheus: Prometheus | None, namespace: str, seconds: float = LEAST_SECONDS) -> Counted:
    """Nothing, with the reason, where Prometheus cannot be asked: the objects are worth showing without it."""
    if prometheus is None:
        hint = "name one: --prometheus URL, or --prometheus namespace/service:port"
        return Counted({}, {}, problem(NOT_COUNTED, None, "no Prometheus was found beside Istio", hint))
    seen = places(live)
    try:
        return Counted(lately(prometheus, seconds, seen, namespace), ever(prometheus, seen, namespace))
    except EvidenceFailed as error:
        return Counted({}, {}, problem(NOT_COUNTED, None, error.message, error.hint))


def places(live: Live) -> Places:
    """Which subset a workload is in, and where copies go."""
    mesh = live.world.mesh
    subsets = {
        (host, name): subset_of(mesh, host, labels)
        for host, found in mesh.services.items()
        if mesh.policies[host].subsets
        for name, labels in _behind(live, found)
    }
    return Places(subsets, set(route_map(mesh).copying))


def _behind(live: Live, found: ServiceHost) -> Iterator[tuple[Name, Labels]]:
    """The workloads that a service selects: looked up by one label, so that many services do not ask all of them."""
    selector = found.spec.selector
    if selector:
        label = next(iter(selector.items()))
        for name, labels in live.labelled.get((found.namespace, *label), ()):
            if selects(selector, labels):
                yield name, labels


def _problems(live: Live, namespace: str, found: Counted) -> Iterator[Problem]:
    """Those of other namespaces are for whoever asks for them."""
    if found.silent:
        yield found.silent
    yield from (problem(NOT_READ, None, text) for text in unseen(live))
    for each in live.problems:
        if not isinstance(each.where, ObjectPath) or namespace in ("", each.where.namespace):
            yield each
