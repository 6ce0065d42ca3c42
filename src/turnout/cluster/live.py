"""The live objects of a cluster, as far as they may be read, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from turnout.analysis.inventory import Subject, inventory
from turnout.client import Client
from turnout.cluster import pods
from turnout.control.world import World
from turnout.error import ApiError
from turnout.mesh import mesh
from turnout.problem import Problem
from turnout.resources.core import Deployment
from turnout.resources.interpret import interpret
from turnout.resources.kinds import (
    DEPLOYMENT,
    GATEWAY_API,
    GATEWAY_CLASS,
    ISTIO,
    KINDS,
    NAMESPACE,
    POD,
    SERVICE,
    Kind,
)
from turnout.workloads.status import PodStatus

READ: Final[tuple[Kind, ...]] = tuple(
    kind for kind in KINDS if kind.group in (ISTIO, GATEWAY_API) or kind in (NAMESPACE, SERVICE, POD, DEPLOYMENT)
)
"""What routing is made of. No Secrets: nobody should need the right to read them."""

OPTIONAL: Final = (403, 404)
"""Kinds that may not be read, or that the cluster does not have."""

Object = dict[str, Any]


@dataclass(frozen=True)
class Live:
    """`at`: when they were read. `unread`: kinds that may not be, `partly`: those that may at home only.

    Without slots: what follows is found out when somebody asks.
    """

    objects: tuple[Object, ...]
    at: datetime
    unread: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()

    @cached_property
    def subjects(self) -> tuple[tuple[Subject, tuple[Problem, ...]], ...]:
        """Each object with what is wrong with it by itself. Kubernetes has looked at its own kinds already."""
        found = []
        for obj in self.objects:
            read = interpret(obj)
            own = "." in str(obj["apiVersion"]).partition("/")[0]
            found.append((Subject(obj, read.draft), tuple(read.problems) if own else ()))
        return tuple(found)

    @cached_property
    def pods(self) -> list[PodStatus]:
        return pods.pods(self._pods())

    @cached_property
    def world(self) -> World:
        resources = tuple(subject.resource for subject, _ in self.subjects if subject.resource is not None)
        deployments = tuple(resource for resource in resources if isinstance(resource, Deployment))
        callers: dict[tuple[str, str], Mapping[str, str]] = {
            (pod.namespace, pod.workload): pod.labels for pod in self.pods
        }
        callers |= {
            (each.metadata.namespace, each.metadata.name): each.spec.template.metadata.labels for each in deployments
        }
        return World(
            mesh=mesh.build(resources, list(pods.instances(self._pods()))),
            deployments=deployments,
            callers=callers,
            resources=resources,
        )

    @cached_property
    def labelled(self) -> Mapping[tuple[str, str, str], list[tuple[tuple[str, str], Mapping[str, str]]]]:
        """Workloads and their labels, by namespace and each label."""
        found: dict[tuple[str, str, str], list[tuple[tuple[str, str], Mapping[str, str]]]] = {}
        for name, labels in self.world.callers.items():
            for label in labels.items():
                found.setdefault((name[0], *label), []).append((name, labels))
        return found

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with each object, and between them, as `istioctl analyze` would have it."""
        from turnout.analysis.analyze import analyze

        alone = [problem for _, problems in self.subjects for problem in problems]
        return (*alone, *analyze(inventory((subject for subject, _ in self.subjects), self.at)))

    def _pods(self) -> Iterable[Object]:
        return (obj for obj in self.objects if obj["kind"] == POD.kind and obj["apiVersion"] == POD.api_version)


def read(client: Client, kinds: Iterable[Kind] = READ) -> Live:
    """Everywhere; what may not be listed everywhere, in the client's own namespace. Raises TurnoutError."""
    unread: list[str] = []
    partly: list[str] = []
    objects: list[Object] = []
    for kind in kinds:
        try:
            objects += client.list(kind)["items"]
        except ApiError as error:
            if error.status not in OPTIONAL:
                raise
            if error.status == 403:
                here = _here(client, kind)
                objects += here or ()
                (unread if here is None else partly).append(kind.title)
    return Live(tuple(objects), datetime.now(UTC), tuple(unread), tuple(partly))


def _here(client: Client, kind: Kind) -> list[Object] | None:
    if not kind.namespaced:
        return None
    try:
        return list(client.list(kind, client.namespace)["items"])
    except ApiError as error:
        if error.status not in OPTIONAL:
            raise
        return None


def unseen(live: Live) -> Iterator[str]:
    """What has to be said of what was not seen."""
    if live.partly:
        yield f"{', '.join(live.partly)}: only those of the own namespace may be read, so others are not looked at"
    missing = [kind for kind in live.unread if kind not in (NAMESPACE.kind, GATEWAY_CLASS.kind)]
    if missing:
        yield f"{', '.join(missing)} may not be read"
