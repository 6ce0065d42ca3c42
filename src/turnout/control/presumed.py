"""Manifests as if all that they describe were running: what can be asked of files alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from turnout.control.objects import keyed
from turnout.control.world import Resources, World, of, world
from turnout.resources.core import Deployment
from turnout.workloads.status import UNDECLARED_PORT, PodStatus


def presumed(objects: Iterable[Mapping[str, Any]]) -> World:
    """Of objects without errors. Every pod is ready; it has no address, and listens where its container does."""
    resources, remarks = Resources().read(keyed(objects))
    pods = [pod for deployment in of(Deployment, resources.values()) for pod in _pods(deployment)]
    return world(resources, pods, remarks)


def _pods(deployment: Deployment) -> Iterator[PodStatus]:
    meta, template = deployment.metadata, deployment.spec.template
    ports = [port.container_port for container in template.spec.containers for port in container.ports]
    for number in range(deployment.spec.replicas):
        yield PodStatus(
            f"{meta.name}-{number + 1}",
            meta.namespace,
            meta.name,
            template.metadata.labels,
            address="",
            ports={port: port for port in ports} or {UNDECLARED_PORT: 0},
            ready=True,
        )
