"""What `turnout status` shows: services, versions, weights, health and traffic, as JSON carries it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from turnout import __version__
from turnout.compiler import mirror
from turnout.delivery.weights import percentages
from turnout.mesh import gateway_servers, names
from turnout.mesh.gateway_servers import Serving
from turnout.mesh.mesh import Mesh
from turnout.mesh.server_tls import shows_certificate
from turnout.mesh.service import ServiceHost, revision, selects
from turnout.problem import Problem
from turnout.process import rss_bytes
from turnout.resources.core import Deployment
from turnout.resources.virtual_service import HTTPRoute, TCPRoute, TLSRoute, VirtualService
from turnout.telemetry import flags
from turnout.telemetry.copies import ends
from turnout.telemetry.series import Series
from turnout.telemetry.stats import NEVER_BEGUN, Snapshot
from turnout.telemetry.traffic import Traffic, summed
from turnout.telemetry.window import Window
from turnout.workloads.status import PodStatus

if TYPE_CHECKING:
    from turnout.control.instance import Instance

WINDOW_SECONDS = 10.0


def status(instance: Instance) -> dict[str, Any]:
    """Everything at one moment. Rates are requests per second and latencies milliseconds, over the last 10 s."""
    mesh, traffic = instance.world.mesh, instance.telemetry.window.traffic(WINDOW_SECONDS)
    totals = instance.telemetry.window.totals()
    pods = instance.pods()
    return {
        "version": __version__,
        "pid": os.getpid(),
        "serving": instance.serving.is_set(),
        "up_to_date": instance.up_to_date,
        "state": str(instance.state.path),
        "dashboard": instance.dashboard.url,
        "envoy": _envoy(instance),
        "memory": {"control": rss_bytes(os.getpid())},
        "gateways": list(gateways(mesh, instance.listen)),
        "services": services(mesh, mesh.services.values(), pods, traffic, instance.telemetry.window.latest),
        "workloads": workloads(instance.world.deployments, pods),
        "hops": list(hops(totals)),
        "mirrors": list(_mirrors(mesh, instance.telemetry.window)),
        "clusters": {name: dict(counters) for name, counters in instance.telemetry.window.latest.clusters.items()},
        "drift": [asdict(found) for found in instance.files.drift(instance.store)],
        "problems": [problem_json(problem) for problem in instance.problems()],
    }


def problem_json(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": str(problem.severity),
        "message": problem.message,
        "where": str(problem.where) if problem.where else None,
        "hint": problem.hint,
    }


def _envoy(instance: Instance) -> dict[str, Any]:
    identity = instance.envoy.identity
    return {
        "pid": identity.pid if identity else None,
        "rss": rss_bytes(identity.pid) if identity else None,
        "connected": instance.ads.connected,
    }


def gateways(mesh: Mesh, listen: Mapping[int, int]) -> Iterator[dict[str, Any]]:
    """Every server that is in force. `protocol`: http, https, tls or tcp."""
    for port in gateway_servers.ports(mesh):
        for bound in gateway_servers.servers(mesh, port):
            if shows_certificate(mesh, bound):
                yield {
                    "namespace": bound.gateway.metadata.namespace,
                    "name": bound.where().name,
                    "hosts": [host.rpartition("/")[2] for host in bound.server.hosts],
                    "port": port,
                    "listens": listen.get(port),
                    "protocol": "tls" if bound.serving is Serving.PASSTHROUGH else bound.serving.value,
                }


# --- services


def services(
    mesh: Mesh,
    hosts: Iterable[ServiceHost],
    pods: Sequence[PodStatus],
    traffic: Mapping[Series, Traffic],
    counted: Snapshot,
) -> list[dict[str, Any]]:
    """Each with its versions and its routes. `traffic`: of the last seconds; `counted`: all there ever was."""
    seen: dict[str, dict[Series, None]] = {}
    for series in (*traffic, *counted.requests):
        seen.setdefault(series.destination_service, {})[series] = None
    near: dict[str, list[PodStatus]] = {}
    for pod in pods:
        near.setdefault(pod.namespace, []).append(pod)
    retried, routed = _retries(counted), _routes(mesh)
    found = []
    for host in hosts:
        versions = _versions(mesh, host, near.get(host.namespace, ()))
        for version in versions:
            own = [s for s in seen.get(host.host, ()) if version["subset"] in ("", s.subset)]
            version.update(_traffic(traffic, counted.requests, own))
            version["retries"] = retried[host.host, version["subset"]]
        found.append(
            {
                "namespace": host.namespace,
                "name": host.name,
                "host": host.host,
                "versions": versions,
                "retries": retried[host.host, ""],
                "routes": routed.get(host.host, []),
            }
        )
    return found


def _versions(mesh: Mesh, host: ServiceHost, near: Iterable[PodStatus]) -> list[dict[str, Any]]:
    """`near`: the pods of its namespace."""
    own = [pod for pod in near if selects(host.spec.selector, pod.labels)]
    return [
        _version(subset.name, subset.labels, [pod for pod in own if subset.labels.items() <= pod.labels.items()])
        for subset in mesh.policies[host.host].subsets
    ] or [_version("", {}, own)]


def _version(subset: str, labels: Mapping[str, str], pods: Sequence[PodStatus]) -> dict[str, Any]:
    revisions = sorted({revision(pod.labels) for pod in pods})
    return {
        "subset": subset,
        "labels": dict(labels),
        "revision": ", ".join(revisions),
        "workloads": sorted({pod.workload for pod in pods}),
        "ready": sum(pod.ready and not pod.draining for pod in pods),
        "pods": sum(not pod.draining for pod in pods),
    }


def _traffic(
    traffic: Mapping[Series, Traffic], totals: Mapping[Series, int], series: Iterable[Series]
) -> dict[str, Any]:
    """Requests that users made, and copies apart."""
    found = list(series)
    now = summed(traffic, (s for s in found if not s.mirrored))
    return {
        "requests": sum(totals.get(s, 0) for s in found if not s.mirrored),
        "errors": sum(totals.get(s, 0) for s in found if not s.mirrored and s.failed),
        "copies": sum(totals.get(s, 0) for s in found if s.mirrored and "sent" in ends(s)),
        "rate": now.rate,
        "error_share": now.errors / now.requests if now.requests else 0.0,
        "p50_ms": now.milliseconds(0.5),
        "p90_ms": now.milliseconds(0.9),
        "p99_ms": now.milliseconds(0.99),
        "copy_rate": summed(traffic, (s for s in found if s.mirrored)).rate,
    }


def _retries(counted: Snapshot) -> Counter[tuple[str, str]]:
    """By host and subset, attempts beyond the first; none of them is a request of its own. Of all subsets under ""."""
    found = Counter[tuple[str, str]]()
    for name, counters in counted.clusters.items():
        cluster = names.parse_cluster(name)
        if cluster and cluster.kind == "outbound":
            for subset in {"", cluster.subset}:
                found[cluster.host, subset] += counters.get("upstream_rq_retry", 0)
    return found


def _routes(mesh: Mesh) -> dict[str, list[dict[str, Any]]]:
    """By host, every rule that splits a service's requests or connections, or copies them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for virtual_service in (*mesh.virtual_services, *mesh.gateway_api.routes):
        for rule, told in _told(virtual_service):
            for host in _hosts(virtual_service, rule):
                found.setdefault(host, []).append(told)
    return found


def _told(virtual_service: VirtualService) -> Iterator[tuple[HTTPRoute | TCPRoute | TLSRoute, dict[str, Any]]]:
    for index, http in enumerate(virtual_service.spec.http):
        if len(http.route) > 1 or http.mirror or http.mirrors:
            copies = [http.mirror] if http.mirror else [policy.destination for policy in http.mirrors]
            mirror = [copy.subset or copy.host for copy in copies if copy]
            yield http, _route(virtual_service, http, http.name or f"http[{index}]") | {"mirror": mirror}
    for kind, rules in _connections(virtual_service):
        for index, rule in enumerate(rules):
            if len(rule.route) > 1:
                yield rule, _route(virtual_service, rule, f"{kind}[{index}]")


def _connections(virtual_service: VirtualService) -> Iterator[tuple[str, Sequence[TCPRoute | TLSRoute]]]:
    yield "tcp", virtual_service.spec.tcp
    yield "tls", virtual_service.spec.tls


def _hosts(virtual_service: VirtualService, rule: HTTPRoute | TCPRoute | TLSRoute) -> set[str]:
    namespace = virtual_service.metadata.namespace
    return {names.fqdn(choice.destination.host, namespace) for choice in rule.route if choice.destination}


def _route(virtual_service: VirtualService, rule: HTTPRoute | TCPRoute | TLSRoute, label: str) -> dict[str, Any]:
    meta = virtual_service.metadata
    keys = [choice.destination.subset or choice.destination.host for choice in rule.route if choice.destination]
    weights = [choice.weight for choice in rule.route] if len(rule.route) > 1 else [100]
    return {
        "virtual_service": f"{meta.namespace}/{meta.name}",
        "route": label,
        "weights": dict(zip(keys, percentages(weights), strict=True)),
        "mirror": [],
    }


# --- what runs, and what was counted


def workloads(deployments: Iterable[Deployment], pods: Sequence[PodStatus]) -> list[dict[str, Any]]:
    """Those of the Deployments, with their pods."""
    return [
        {
            "namespace": deployment.metadata.namespace,
            "name": deployment.metadata.name,
            "replicas": deployment.spec.replicas,
            "pods": [
                pod_json(pod)
                for pod in pods
                if (pod.namespace, pod.workload) == (deployment.metadata.namespace, deployment.metadata.name)
            ],
        }
        for deployment in deployments
    ]


def pod_json(pod: PodStatus) -> dict[str, Any]:
    return {
        "name": pod.name,
        "phase": pod.phase,
        "ready": pod.ready and not pod.draining,
        "pid": pod.pid,
        "ports": {str(port): actual for port, actual in pod.ports.items()},
        "restarts": pod.restarts,
        "message": pod.message,
        "started_at": pod.started_at,
    }


def hops(totals: Mapping[Series, int]) -> Iterator[dict[str, Any]]:
    """Who called whom, version by version; copies are hops of their own."""
    hops: dict[tuple[str, ...], dict[str, Any]] = {}
    for series, count in totals.items():
        whole = (series.source_workload, series.destination_service, series.subset, series.destination_workload)
        hop = hops.setdefault(
            (*whole, series.route, str(series.mirrored)),
            {
                "source": series.source_workload,
                "service": series.destination_service,
                "workload": series.destination_workload,
                "subset": series.subset,
                "version": series.destination_canonical_revision,
                "route": series.route,
                "mirrored": series.mirrored,
                "requests": 0,
                "errors": 0,
                "codes": {},
                "flags": {},
            },
        )
        hop["requests"] += count
        hop["errors"] += count if series.failed else 0
        _count(hop["codes"], series.response_code, count)
        for flag in flags.split(series.response_flags):
            _count(hop["flags"], flag, count)
    yield from (hops[key] for key in sorted(hops))


def _count(counts: dict[str, int], key: str, more: int) -> None:
    counts[key] = counts.get(key, 0) + more


def _mirrors(mesh: Mesh, window: Window) -> Iterator[dict[str, Any]]:
    """Copies by destination: wanted = sent + dropped + unreached, but for those under way.

    `dropped`: beyond the limits; `unreached`: no endpoint, or no connection to it. Of those sent, `failed` got no whole
    answer, or a 5xx. What is mirrored no more is still counted, and not `on`.
    """
    on = set(_mirrored(mesh))
    for name, counters in sorted(window.latest.clusters.items()):
        cluster = names.parse_cluster(name)
        if cluster is None or cluster.kind != "mirror":
            continue
        ended = Counter[str]()
        for series, count in window.totals().items():
            if series.upstream_cluster == name.replace("mirror|", "copy|", 1):
                ended.update(dict.fromkeys(ends(series), count))
        overflow = sum(counters.get(key, 0) for key in NEVER_BEGUN)
        yield {
            "host": cluster.host,
            "port": cluster.port,
            "subset": cluster.subset,
            "wanted": counters.get("upstream_rq_total", 0) + overflow,
            "sent": ended["sent"],
            "dropped": ended["dropped"] + overflow,
            "unreached": ended["unreached"],
            "failed": ended["failed"],
            "limit": mirror.LIMIT,
            "on": (cluster.host, cluster.subset) in on,
        }


def _mirrored(mesh: Mesh) -> Iterator[tuple[str, str]]:
    """Host and subset of everything that some route mirrors to now."""
    for virtual_service in (*mesh.virtual_services, *mesh.gateway_api.routes):
        for http in virtual_service.spec.http:
            for copy in (http.mirror, *(policy.destination for policy in http.mirrors)):
                if copy:
                    yield names.fqdn(copy.host, virtual_service.metadata.namespace), copy.subset
