"""The desired world: from all objects, files and pods to what shall run and what Envoy shall do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from turnout.apiserver.store import Store
from turnout.compiler.compile import compile
from turnout.compiler.config import Config
from turnout.control.certificate_files import CertificateFiles
from turnout.control.failures import Failures
from turnout.control.gateway_statuses import statuses
from turnout.control.manifests import Files
from turnout.control.objects import LiveObjects, ObjectKey
from turnout.control.ports import EgressPorts, collisions, listening
from turnout.control.world import Named, Resources, World, gateway_ports, proxies, world
from turnout.inputs.images import ImageRun, find
from turnout.inputs.sources import fingerprint
from turnout.memo import Memo
from turnout.mesh.credential import Authority, KeyPair
from turnout.mesh.credential_files import credential_files
from turnout.mesh.credentials_in_use import credentials_in_use
from turnout.mesh.proxy import Ingress, Outlet, https_port
from turnout.problem import ObjectPath, Place, Problem, errors
from turnout.resources.core import Deployment
from turnout.resources.kinds import WANTED
from turnout.workloads.plan import plan
from turnout.workloads.runtime import Runtime
from turnout.workloads.service_variables import offered, service_variables
from turnout.workloads.status import PodStatus
from turnout.workloads.workload import Workload


class Desired:
    """Derived anew from scratch whenever something has changed; nothing is patched."""

    def __init__(
        self,
        files: Files,
        store: Store,
        egress: EgressPorts,
        gateway_ports: Mapping[int, int],
        sampling_percent: float,
        certificates: CertificateFiles,
        runtime: Runtime | None = None,
    ) -> None:
        """`gateway_ports`: the command line's choice of where a Gateway's port listens.

        `sampling_percent`: how many requests are traced; `runtime`: what images are run with, as containers.
        """
        self.certificates = certificates
        self._files = files
        self._egress = egress
        self._chosen_ports = gateway_ports
        self._sampling_percent = sampling_percent
        self._runtime = runtime
        self._resources = Resources()
        self._memo = Memo()
        self._objects = LiveObjects(store, WANTED)
        self._sources: dict[str, str] = {}
        self._plan_problems: tuple[Problem, ...] = ()
        self._unfit: Sequence[Problem] | None = None
        self.world = World()
        self.listen: Mapping[int, int] = {}
        """Gateway port → where it listens."""
        self.failures = Failures()
        self.generations: Mapping[ObjectKey, int] = {}
        """Of every object that the world was derived from."""
        self.statuses: Mapping[ObjectKey, Mapping[str, Any]] = {}
        """Of Gateway API's objects, once Envoy has them."""

    def derive(self, pods: Collection[PodStatus]) -> None:
        self._memo.forget_unasked()
        objects = self._objects.read()
        resources, problems = self._resources.read(objects)
        files, last = self.certificates.read(self._credential_files(resources)), self._credentials_in_use()
        self.world = world(resources, pods, problems, files, last, self._memo.within("world"))
        self.generations = self._memo.each("generations", (objects,), lambda _, obj: _generation(obj))
        self.statuses = statuses(self.world.mesh, self.generations)
        self.listen = listening(self.gateway_places, self._ports)
        self.failures.look(pods)

    def _credential_files(self, resources: Mapping[ObjectKey, object]) -> frozenset[str]:
        named = self._memo.each("files named", (resources,), lambda _, each: credential_files([each]))
        return self._memo.of("files", (named,), lambda: frozenset[str]().union(*named.values()))

    def _credentials_in_use(self) -> Mapping[str, KeyPair | Authority]:
        """Until now."""
        mesh = self.world.mesh
        inputs = (mesh.servers, mesh.destination_rules, mesh.services, mesh.secrets, mesh.files, mesh.last_credentials)
        return self._memo.of("credentials", inputs, lambda: credentials_in_use(mesh))

    def config(self) -> Config:
        """What Envoy shall do."""
        egress = {name: self._egress.of(*name) for name in self.world.callers}
        found = proxies(self.world, self.listen, egress, {name: self._outlets(*name) for name in egress})
        secure = https_port(self.listen)
        found = [replace(proxy, https_port=secure) if isinstance(proxy, Ingress) else proxy for proxy in found]
        return compile(self.world.mesh, found, self._memo.within("config"), self._sampling_percent)

    def workloads(self) -> list[Workload]:
        """What shall run. What cannot be run is a problem, and the rest runs."""
        planned, problems = [], []
        for deployment in self.world.deployments:
            workload, found = plan(
                deployment,
                self.world.config_maps,
                self.world.secrets,
                self._files.settings.images,
                self._egress.of(deployment.metadata.namespace, deployment.metadata.name),
                source=self._source(deployment),
                services=service_variables(
                    self.world.mesh.services, self._outlets(deployment.metadata.namespace, deployment.metadata.name)
                ),
                runtime=self._runtime,
            )
            problems += found
            planned += [workload] if workload else []
        self._plan_problems = tuple(problems)
        self._egress.keep(self.world.callers)
        return planned

    def _outlets(self, namespace: str, workload: str) -> tuple[Outlet, ...]:
        services = self.world.mesh.services
        found = self._memo.of(("offered", namespace), (services,), lambda: offered(services.values(), namespace))
        return self._egress.outlets(namespace, workload, found)

    def _source(self, deployment: Deployment) -> str:
        """The hash of what the workload is made from."""
        image = self._image(deployment)
        return self._sources.get(image.image, "") if image else ""

    def _image(self, deployment: Deployment) -> ImageRun | None:
        """The way to run it, of the first container that has one."""
        containers = deployment.spec.template.spec.containers
        images = (find(self._files.settings.images, container.image) for container in containers)
        return next((image for image in images if image), None)

    def container_index(self, deployment: Mapping[str, Any]) -> int:
        """Which of a Deployment's containers is run, as `workloads.plan` chooses it."""
        containers = deployment["spec"]["template"]["spec"].get("containers") or ()
        images = self._files.settings.images
        known = (i for i, each in enumerate(containers) if find(images, each.get("image", "")) is not None)
        return next(known, 0)

    def read_sources(self) -> None:
        """Reads what workloads are made from; only when files were saved, for it may be much."""
        images = [image for image in self._files.settings.images if not image.attach]
        others = self._files.no_sources
        self._sources = {image.image: fingerprint(image.context, image.watch, others) for image in images}

    @property
    def gateway_places(self) -> Mapping[int, ObjectPath]:
        """Where the manifests ask for each port of a Gateway."""
        return gateway_ports(self.world.mesh)

    @property
    def _ports(self) -> Mapping[int, int]:
        """Where ports of Gateways were told to listen."""
        return {**self._files.settings.gateway_ports, **self._chosen_ports}

    def problems(self) -> list[Problem]:
        """What does not fit or cannot be run, as it was considered last, and what does not run."""
        failing = self.failures.problems(dict(self._ways_to_run()))
        return [
            *(self.consider() if self._unfit is None else self._unfit),
            *failing,
            *collisions(self.gateway_places, self._ports),
        ]

    def consider(self) -> Sequence[Problem]:
        """What does not fit or cannot be run, for `problems` to tell.

        Among 1,000 services that takes a tenth of a second: any thread may do it.
        """
        found = (*self.world.problems, *self._plan_problems)
        self._unfit = found
        return found

    def _ways_to_run(self) -> Iterator[tuple[Named, Place | ObjectPath]]:
        """Where it is written how each workload runs; those that cannot be run are problems already."""
        unfit = {problem.where for problem in errors(self._plan_problems)}
        hopeless = {(where.namespace, where.name) for where in unfit if isinstance(where, ObjectPath)}
        for deployment in self.world.deployments:
            name = deployment.metadata.namespace, deployment.metadata.name
            image = self._image(deployment)
            if (image or self._runtime) and name not in hopeless:
                yield name, image.place if image else ObjectPath("Deployment", *name, "spec.template.spec.containers")


def _generation(obj: Mapping[str, Any]) -> int:
    found: int = obj["metadata"].get("generation", 1)
    return found
