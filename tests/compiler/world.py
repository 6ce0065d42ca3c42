"""Manifests to a mesh as the tests see it: every Deployment runs, on ports that follow from where it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from turnout.analysis.analyze import findings
from turnout.compiler.compile import compile
from turnout.compiler.config import Config
from turnout.mesh import gateway_servers, mesh
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Egress, Ingress, Proxy
from turnout.mesh.service import Instance, InstancePort
from turnout.problem import ObjectPath, Problem, errors
from turnout.resources import kinds
from turnout.resources.core import Deployment
from turnout.resources.document import Document
from turnout.resources.interpret import interpret
from turnout.resources.reader import read

FIRST_POD_PORT = 20001
FIRST_EGRESS_PORT = 15001


@dataclass(frozen=True)
class World:
    """Resources, fake instances, and all that is derived from them."""

    mesh: Mesh
    proxies: list[Proxy]
    problems: list[Problem]

    @property
    def config(self) -> Config:
        return compile(self.mesh, self.proxies)


@dataclass(frozen=True)
class Manifests:
    """Typed resources, and the documents that they stand in."""

    resources: list[object]
    documents: dict[tuple[str, str, str], Document]
    problems: list[Problem]

    def located(self, problem: Problem) -> Problem:
        """With its line. Asserts that the path leads to something that is written there."""
        where = problem.where
        if not isinstance(where, ObjectPath):
            return problem
        document = self.documents[where.kind, where.namespace, where.name]
        value = document.data
        for step in where.fields:
            value = value[step]  # type: ignore[index] # steps are keys of mappings and indices of lists
        return replace(problem, where=document.place(where.fields))


def manifests(*texts: tuple[str, str]) -> Manifests:
    """`texts`: (file, content). Of objects that are given twice the later counts; namespaces default to `default`."""
    documents: dict[tuple[str, str, str], Document] = {}
    problems: list[Problem] = []
    for file, text in texts:
        found, faults = read(text, file)
        problems += faults
        for document in found:
            meta = document.data["metadata"]
            meta.setdefault("namespace", "default")
            kind = kinds.title(document.data["apiVersion"], document.data["kind"])
            documents[kind, meta["namespace"], meta["name"]] = document
    interpreted = [interpret(document.data, document) for document in documents.values()]
    problems += [problem for each in interpreted for problem in each.problems]
    assert not errors(problems), problems
    return Manifests([each.resource for each in interpreted], documents, problems)


def world(*texts: tuple[str, str]) -> World:
    """`texts`: (file, content) of manifests."""
    read_in = manifests(*texts)
    deployments = tuple(r for r in read_in.resources if isinstance(r, Deployment))
    built = mesh.build(read_in.resources, instances(deployments))
    found = [read_in.located(problem) for problem in findings(read_in.resources, built)]
    return World(built, proxies(built, deployments), [*read_in.problems, *found])


def instances(deployments: tuple[Deployment, ...]) -> list[Instance]:
    """One for each replica; each declared port has an actual one of its own."""
    running = []
    actual = FIRST_POD_PORT
    for deployment in deployments:
        template = deployment.spec.template
        declared = [port for container in template.spec.containers for port in container.ports]
        for number in range(deployment.spec.replicas):
            ports = tuple(InstancePort(p.container_port, actual + at, p.name) for at, p in enumerate(declared))
            actual += len(declared)
            meta = deployment.metadata
            name = f"{meta.name}-{number + 1}"
            running.append(Instance(meta.namespace, meta.name, name, "127.0.0.1", ports, template.metadata.labels))
    return running


def proxies(built: Mesh, deployments: tuple[Deployment, ...]) -> list[Proxy]:
    """A gateway for each port that some Gateway serves, and a way out for each Deployment."""
    ports = sorted(gateway_servers.ports(built))
    ways_out = [
        Egress(d.metadata.namespace, d.metadata.name, FIRST_EGRESS_PORT + at, d.spec.template.metadata.labels)
        for at, d in enumerate(deployments)
    ]
    return [*(Ingress(port, 8000 + port) for port in ports), *ways_out]
