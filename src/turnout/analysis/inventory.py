"""Everything that is looked at together: typed resources, and what is read from objects that have no type here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from turnout.analysis.visible_hosts import VisibleHosts, visible_hosts
from turnout.mesh import mesh
from turnout.mesh.gateway_listener import is_translated
from turnout.mesh.mesh import Mesh
from turnout.problem import ObjectPath
from turnout.resources.core import Deployment, Namespace, Secret, Service
from turnout.resources.gateway import Gateway
from turnout.resources.interpret import Resource
from turnout.resources.kinds import title
from turnout.resources.rollout import Rollout
from turnout.resources.service_entry import ServiceEntry

T = TypeVar("T")

WORKLOAD_KINDS = frozenset(("DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet"))
NODE_LABELS = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone")
"""What Istio lets a pod have of the labels of its node."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One object: plain data, and its resource as far as it could be read (None: an unknown kind, or no shape)."""

    obj: Mapping[str, Any]
    resource: Resource | None = None

    @property
    def kind(self) -> str:
        return str(self.obj.get("kind", ""))

    @property
    def group(self) -> str:
        return str(self.obj.get("apiVersion", "")).rpartition("/")[0]

    @property
    def namespace(self) -> str:
        return str(_mapping(self.obj, "metadata").get("namespace") or "")

    @property
    def name(self) -> str:
        return str(_mapping(self.obj, "metadata").get("name") or "")

    def labels(self, *path: str) -> Mapping[str, str]:
        """A map of texts somewhere in the object; empty where there is none."""
        value = _mapping(self.obj, *path)
        return {str(key): str(item) for key, item in value.items()}

    def where(self, path: str = "") -> ObjectPath:
        return ObjectPath(title(str(self.obj.get("apiVersion", "")), self.kind), self.namespace, self.name, path)


@dataclass(frozen=True, slots=True)
class PodLabels:
    """A pod, or the pods that a workload's template stands for."""

    namespace: str
    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Inventory:
    """`subjects`: in the order in which they were given. `now`: what certificates are judged by; None: they are not.

    Without slots: what several rules ask for is kept.
    """

    subjects: tuple[Subject, ...] = ()
    mesh: Mesh = field(default_factory=Mesh)
    now: datetime | None = None

    def of(self, cls: type[T]) -> list[T]:
        return [s.resource for s in self.subjects if isinstance(s.resource, cls)]

    def objects(self, group: str, *kinds: str) -> list[Subject]:
        """Objects by what they call themselves, in any version."""
        return [s for s in self.subjects if s.group == group and s.kind in kinds]

    @cached_property
    def hosts(self) -> VisibleHosts:
        return visible_hosts(self.of(Service), self.of(ServiceEntry))

    @cached_property
    def gateways(self) -> tuple[Gateway, ...]:
        """Those that somebody wrote: not what stands for listeners of the Gateway API."""
        return tuple(gateway for gateway in self.mesh.gateways if not is_translated(gateway))

    @cached_property
    def deployments(self) -> tuple[Deployment, ...]:
        return tuple(self.of(Deployment))

    def behind(self, namespace: str, selector: Mapping[str, str]) -> list[Mapping[str, str]]:
        """The labels of the Deployments' pods that a Service selects; an empty selector selects nothing."""
        found = (self._labelled.get((namespace, *label), []) for label in selector.items())
        return [labels for labels in min(found, key=len, default=[]) if selector.items() <= labels.items()]

    @cached_property
    def _labelled(self) -> Mapping[tuple[str, str, str], list[Mapping[str, str]]]:
        """By namespace, key and value: so that many Services do not ask all Deployments."""
        labelled: dict[tuple[str, str, str], list[Mapping[str, str]]] = {}
        for deployment in self.deployments:
            labels = deployment.spec.template.metadata.labels
            for key, value in labels.items():
                labelled.setdefault((deployment.metadata.namespace, key, value), []).append(labels)
        return labelled

    @cached_property
    def rollouts(self) -> tuple[Rollout, ...]:
        return tuple(self.of(Rollout))

    @cached_property
    def secrets(self) -> Mapping[tuple[str, str], Secret]:
        return {(s.metadata.namespace, s.metadata.name): s for s in self.of(Secret)}

    @cached_property
    def namespaces(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of each."""
        return {n.metadata.name: n.metadata.labels for n in self.of(Namespace)}

    def selected(self, selector: Mapping[str, str]) -> list[PodLabels]:
        """The pods that a Gateway is for, in any namespace. No selector means all; many Gateways have the same."""
        key = frozenset(selector.items())
        if key not in self._selected:
            self._selected[key] = [pod for pod in self.pods if selector.items() <= pod.labels.items()]
        return self._selected[key]

    @cached_property
    def _selected(self) -> dict[frozenset[tuple[str, str]], list[PodLabels]]:
        return {}

    @cached_property
    def pods(self) -> tuple[PodLabels, ...]:
        nodes = {s.name: s.labels("metadata", "labels") for s in self.objects("", "Node")}
        pods = [_pod(s, nodes) for s in self.objects("", "Pod") if s.resource is not None]
        return (*pods, *(_template(s) for s in self.subjects if s.kind in WORKLOAD_KINDS))


def inventory(subjects: Iterable[Subject], now: datetime | None = None) -> Inventory:
    """What files hold: nothing of it runs."""
    kept = tuple(subjects)
    return Inventory(kept, mesh.build([s.resource for s in kept if s.resource is not None]), now)


def _pod(subject: Subject, nodes: Mapping[str, Mapping[str, str]]) -> PodLabels:
    labels = dict(subject.labels("metadata", "labels"))
    node = str(_mapping(subject.obj, "spec").get("nodeName") or "")
    if node in nodes:
        labels |= {key: nodes[node][key] for key in NODE_LABELS if key in nodes[node]}
        labels["kubernetes.io/hostname"] = node
    return PodLabels(subject.namespace, subject.name, labels)


def _template(subject: Subject) -> PodLabels:
    labels = subject.labels("spec", "template", "metadata", "labels")
    return PodLabels(subject.namespace, subject.name, labels)


def _mapping(obj: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    value: Any = obj
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
