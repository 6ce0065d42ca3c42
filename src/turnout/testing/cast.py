"""Who plays whom: every Deployment runs as stand-ins, and so does what a Service would select if it ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from turnout.mesh import mesh
from turnout.mesh.mesh import Mesh
from turnout.mesh.service import ServiceHost, revision, selects
from turnout.resources.core import Deployment, DeploymentSpec, PodTemplate
from turnout.resources.destination_rule import Subset
from turnout.resources.meta import Metadata
from turnout.testing.received import Pod

MOST_REPLICAS = 10
UNSAID = revision({})


def deployment(name: str, labels: Mapping[str, str], namespace: str, replicas: int = 1) -> Deployment:
    """One with nothing but pods of these labels."""
    template = PodTemplate(Metadata(labels=dict(labels)))
    return Deployment(Metadata(name, namespace), DeploymentSpec(template, replicas=replicas))


def understudies(resources: Iterable[object]) -> list[Deployment]:
    """For each Service that selects no Deployment's pods: one for each subset of it, or one in all."""
    known = list(resources)
    deployments = [resource for resource in known if isinstance(resource, Deployment)]
    found = mesh.build(known)
    missing = (service for service in found.services.values() if not _runs(service, deployments))
    played = (each for service in missing for each in _played(service, found.policies[service.host].subsets))
    once: dict[tuple[str, str], Deployment] = {}  # the hosts of an entry, and subsets with the same labels, share pods
    for each in played:
        labels = each.spec.template.metadata.labels
        once.setdefault((each.metadata.namespace, repr(sorted(labels.items()))), each)
    return list(once.values())


def _runs(service: ServiceHost, deployments: Iterable[Deployment]) -> bool:
    """Also where nothing could: a Service without a selector has its endpoints elsewhere."""
    selector = service.spec.selector
    return not selector or any(
        deployment.metadata.namespace == service.namespace
        and selects(selector, deployment.spec.template.metadata.labels)
        for deployment in deployments
    )


def _played(service: ServiceHost, subsets: Iterable[Subset]) -> Iterator[Deployment]:
    selector = dict(service.spec.selector)
    versions = {f"{service.name}-{subset.name}": {**selector, **subset.labels} for subset in subsets}
    for name, labels in (versions or {service.name: selector}).items():
        yield deployment(name, labels, service.namespace)


def pods(deployments: Iterable[Deployment], found: Mesh) -> Iterator[Pod]:
    """One for each replica, at most MOST_REPLICAS."""
    for played in deployments:
        meta, labels = played.metadata, played.spec.template.metadata.labels
        version = _version(meta.namespace, labels, found)
        for number in range(min(played.spec.replicas, MOST_REPLICAS)):
            yield Pod(meta.namespace, meta.name, f"{meta.name}-{number + 1}", version, tuple(sorted(labels.items())))


def _version(namespace: str, labels: Mapping[str, str], found: Mesh) -> str:
    """What Istio's metrics show; where no label says it, the first subset that the pod is in."""
    own = revision(labels)
    if own != UNSAID:
        return own
    services = (s for s in found.services.values() if s.namespace == namespace and selects(s.spec.selector, labels))
    subsets = (subset for service in services for subset in found.policies[service.host].subsets)
    return next((s.name for s in subsets if s.labels and s.labels.items() <= labels.items()), own)


def container_ports(played: Deployment) -> tuple[int, ...]:
    """Those that its pods declare."""
    return tuple(port.container_port for container in played.spec.template.spec.containers for port in container.ports)
