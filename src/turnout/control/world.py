"""The live objects, and what is derived from them. Pure but for its cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from turnout.analysis.analyze import findings
from turnout.memo import Memo
from turnout.mesh import gateway_servers, mesh
from turnout.mesh.credential import Authority, KeyPair
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Egress, Ingress, Outlet, Proxy
from turnout.mesh.service import Instance, InstancePort
from turnout.problem import ObjectPath, Problem
from turnout.resources.core import ConfigMap, ContainerPort, Deployment, Secret
from turnout.resources.interpret import interpret
from turnout.resources.kinds import title
from turnout.resources.sticky import ANNOTATION
from turnout.workloads.status import PodStatus

Named = tuple[str, str]
T = TypeVar("T")


class Resources:
    """Typed resources of live objects; one that has not changed is not read again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[str, object, tuple[Problem, ...]]] = {}

    def read(self, objects: Iterable[Mapping[str, Any]]) -> tuple[list[object], list[Problem]]:
        """All resources, and the warnings about them (errors were refused when they were written)."""
        kept: dict[tuple[str, str, str], tuple[str, object, tuple[Problem, ...]]] = {}
        for obj in objects:
            meta = obj["metadata"]
            key = (title(obj["apiVersion"], obj["kind"]), meta.get("namespace", ""), meta["name"])
            sticky = (meta.get("annotations") or {}).get(ANNOTATION)
            version = f"{meta.get('generation', 0)}/{meta.get('labels')}/{meta.get('uid')}/{sticky}"
            known = self._known.get(key)
            if known is None or known[0] != version:
                found = interpret(obj)
                known = (version, found.resource, tuple(found.problems))
            kept[key] = known
        self._known = kept
        resources = [resource for _, resource, _ in kept.values() if resource is not None]
        return resources, [problem for _, _, problems in kept.values() for problem in problems]


@dataclass(frozen=True)
class World:
    """Everything at one moment: what runs, what is routed, what does not fit.

    Without slots: what does not fit is found out when somebody asks, which is after Envoy has been told.
    """

    mesh: Mesh = field(default_factory=Mesh)
    deployments: tuple[Deployment, ...] = ()
    callers: Mapping[Named, Mapping[str, str]] = field(default_factory=dict)
    """The labels of every workload that may call others: each Deployment, and what drains after its Deployment."""
    config_maps: Mapping[Named, ConfigMap] = field(default_factory=dict)
    secrets: Mapping[Named, Secret] = field(default_factory=dict)
    resources: tuple[object, ...] = ()
    remarks: tuple[Problem, ...] = ()
    """On each resource by itself."""

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """The remarks, and what the resources say together."""
        return (*self.remarks, *findings(self.resources, self.mesh))


def world(
    resources: Sequence[object],
    pods: Iterable[PodStatus],
    remarks: Sequence[Problem] = (),
    files: Mapping[str, str] | None = None,
    last_credentials: Mapping[str, KeyPair | Authority] | None = None,
    memo: Memo | None = None,
) -> World:
    """Derived from all of it each time: nothing is patched.

    `remarks`: on each resource by itself; `files`: certificates by path; `last_credentials`: what stays where new ones
    are no good; `memo`: that of the last world.
    """
    deployments = tuple(of(Deployment, resources))
    ports = {_name(d): _container_ports(d) for d in deployments}
    known = list(pods)
    ready = [instance(pod, ports.get((pod.namespace, pod.workload), ())) for pod in known if pod.ready]
    found = mesh.build(resources, ready, files, last_credentials, memo)
    callers = {(pod.namespace, pod.workload): pod.labels for pod in known}
    callers |= {_name(d): d.spec.template.metadata.labels for d in deployments}
    return World(
        mesh=found,
        deployments=deployments,
        callers=callers,
        config_maps={_name(c): c for c in of(ConfigMap, resources)},
        secrets={_name(s): s for s in of(Secret, resources)},
        resources=tuple(resources),
        remarks=tuple(remarks),
    )


def of(kind: type[T], resources: Iterable[object]) -> list[T]:
    return [resource for resource in resources if isinstance(resource, kind)]


def _name(resource: Deployment | ConfigMap | Secret) -> Named:
    return resource.metadata.namespace, resource.metadata.name


def _container_ports(deployment: Deployment) -> tuple[ContainerPort, ...]:
    return tuple(port for container in deployment.spec.template.spec.containers for port in container.ports)


def instance(pod: PodStatus, declared: Sequence[ContainerPort]) -> Instance:
    """A pod as routing sees it."""
    names = {port.container_port: port.name for port in declared}
    ports = tuple(InstancePort(own, actual, names.get(own, "")) for own, actual in pod.ports.items())
    return Instance(pod.namespace, pod.workload, pod.name, pod.address, ports, pod.labels, pod.draining)


def proxies(
    found: World,
    listen: Mapping[int, int],
    egress: Mapping[Named, int],
    outlets: Mapping[Named, tuple[Outlet, ...]] | None = None,
) -> list[Proxy]:
    """The gateway's ports (`listen`: where each really is), and a way out for every workload, with its `outlets`."""
    own = outlets or {}
    gateways = [Ingress(port, real) for port, real in sorted(listen.items())]
    ways_out = [
        Egress(*name, egress[name], labels, own.get(name, ()))
        for name, labels in sorted(found.callers.items())
        if name in egress
    ]
    return [*gateways, *ways_out]


def gateway_ports(found: Mesh) -> dict[int, ObjectPath]:
    """Every port that some Gateway wants served, with the first place that says so."""
    return {port: bound.where("port.number") for port, bound in gateway_servers.ports(found).items()}
