"""The live objects, and what is derived from them. Pure but for its cache."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from turnout.analysis.analyze import findings
from turnout.control.objects import ObjectKey, Objects
from turnout.memo import Memo
from turnout.mesh import gateway_servers, mesh
from turnout.mesh.credential import Authority, KeyPair
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Egress, Ingress, Outlet, Proxy
from turnout.mesh.service import Instance, InstancePort
from turnout.problem import ObjectPath, Problem
from turnout.resources.core import ConfigMap, ContainerPort, Deployment, Secret
from turnout.resources.interpret import interpret
from turnout.resources.kinds import ROLLOUT
from turnout.workloads.status import PodStatus

Named = tuple[str, str]
OWN_ANNOTATIONS = "turnout.dev/"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read:
    """Of one object: None where there is nothing to be derived from it."""

    resource: object | None
    problems: tuple[Problem, ...] = ()


class Resources:
    """Typed resources of live objects; one that has not changed is not read again."""

    def __init__(self) -> None:
        self._memo = Memo()

    def read(self, objects: Objects) -> tuple[Mapping[ObjectKey, object], list[Problem]]:
        """All resources, and the warnings about them (errors were refused when they were written)."""
        versions = self._memo.each("versions", (objects,), lambda _, obj: _version(obj))
        found = self._memo.each("read", (versions,), lambda key, _: _read(objects[key]))
        resources = self._memo.each("resources", (found,), lambda _, each: each.resource)
        self._memo.forget_unasked()
        return resources, [problem for each in found.values() if each.problems for problem in each.problems]


def _version(obj: Mapping[str, Any]) -> tuple[object, ...]:
    """What the resource depends on: not the status, and of annotations only our own."""
    meta = obj["metadata"]
    own = {key: value for key, value in (meta.get("annotations") or {}).items() if key.startswith(OWN_ANNOTATIONS)}
    return meta.get("generation", 0), meta.get("labels"), own, meta.get("uid"), _has_ended(obj)


def _read(obj: Mapping[str, Any]) -> Read:
    if _has_ended(obj):
        return Read(None)
    found = interpret(obj)
    return Read(found.resource, tuple(found.problems))


def _has_ended(obj: Mapping[str, Any]) -> bool:
    """A rollout that is over: it may well name a version that has been taken away since."""
    return obj["kind"] == ROLLOUT.kind and (obj.get("status") or {}).get("phase") in ("finished", "aborted")


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
    resources: Iterable[object] | Mapping[Hashable, object],
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
    memo = Memo() if memo is None else memo
    named = resources if isinstance(resources, Mapping) else dict[Hashable, object](enumerate(resources))
    kinds = mesh.by_kind(memo, named)
    deployments, config_maps, secrets = mesh.of(Deployment, kinds), mesh.of(ConfigMap, kinds), mesh.of(Secret, kinds)
    known = list(pods)
    ready = _instances(memo, (pod for pod in known if pod.ready), deployments)
    found = mesh.build(named, ready, files, last_credentials, memo.within("mesh"))
    callers = {(pod.namespace, pod.workload): pod.labels for pod in known}
    callers |= {_name(d): d.spec.template.metadata.labels for d in deployments}
    made = World(
        mesh=found,
        deployments=deployments,
        callers=callers,
        config_maps=memo.of("config maps", config_maps, lambda: {_name(c): c for c in config_maps}),
        secrets=memo.of("secrets", secrets, lambda: {_name(s): s for s in secrets}),
        resources=tuple(resource for resource in named.values() if resource is not None),
        remarks=tuple(remarks),
    )
    memo.forget_unasked()
    return made


def _instances(memo: Memo, pods: Iterable[PodStatus], deployments: tuple[Deployment, ...]) -> list[Instance]:
    ports = memo.of("ports", deployments, lambda: {_name(d): _container_ports(d) for d in deployments})
    running = {(pod.namespace, pod.name): pod for pod in pods}

    def of_pod(_: Named, pod: PodStatus) -> Instance:
        return instance(pod, ports.get((pod.namespace, pod.workload), ()))

    return list(memo.each("instances", (running,), of_pod, (ports,)).values())


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
