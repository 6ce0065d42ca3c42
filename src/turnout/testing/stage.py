"""What a test's mesh consists of: resources, their stand-ins, and the configuration that Envoy has of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from turnout.compiler.compile import compile
from turnout.control.world import World, gateway_ports, of, proxies, world
from turnout.inputs.files import Manifest
from turnout.memo import Memo
from turnout.mesh import mesh
from turnout.problem import Problem
from turnout.resources.core import Deployment
from turnout.resources.document import Document
from turnout.resources.kinds import DEPLOYMENT, Kind
from turnout.testing import cast
from turnout.testing.engine import Engine
from turnout.testing.indoors import indoors
from turnout.testing.received import Pod
from turnout.testing.stand_in import StandIn
from turnout.workloads.status import UNDECLARED_PORT, PodStatus

Key = tuple[Kind, str, str]
"""Kind, namespace, name."""
Name = tuple[str, str]
"""Namespace and name of a workload."""


class Stage:
    """`renew` carries changes out; until then Envoy goes on as before."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.resources: dict[Key, object] = {}
        self.documents: dict[tuple[str, str, str], Document] = {}
        """Kind, namespace and name to where an object is written."""
        self.callers: set[Name] = set()
        """Whose ways out are configured: those that some request came from."""
        self.world = World()
        self.stand_ins: dict[Pod, StandIn] = {}
        self.remarks: list[Problem] = []
        """Warnings of whoever read the manifests."""
        self._memo = Memo()

    def put(self, manifest: Manifest) -> None:
        """An object of a file, over one of its name."""
        meta = manifest.resource.metadata
        self.resources[manifest.kind, meta.namespace, meta.name] = manifest.resource
        self.documents[manifest.kind.kind, meta.namespace, meta.name] = manifest.document

    def put_deployment(self, played: Deployment) -> None:
        meta = played.metadata
        self.resources[DEPLOYMENT, meta.namespace, meta.name] = played

    def renew(self) -> None:
        """Returns when Envoy has it. Raises EnvoyFailed."""
        known = [indoors(resource) for resource in self.resources.values()]
        known += cast.understudies(known)
        wanted = list(cast.pods(of(Deployment, known), mesh.build(known)))
        for pod in wanted:
            self._play(pod)
        self.world = world(known, [self._status(pod) for pod in wanted], self.remarks)
        self.publish()
        self._dismiss(wanted)

    def publish(self) -> None:
        """Raises EnvoyFailed."""
        egress = {name: self.egress_port(name) for name in self.callers}
        callers = {name: self.world.callers.get(name, {}) for name in self.callers}
        found = proxies(replace(self.world, callers=callers), self.gateways, egress)
        self.engine.publish(compile(self.world.mesh, found, self._memo, sampling_percent=0))

    def close(self) -> None:
        """No stand-in listens any more."""
        self._dismiss(())

    @property
    def gateways(self) -> dict[int, int]:
        """Every port of a Gateway, and where it listens."""
        return {port: self.engine.port(f"gateway {port}") for port in gateway_ports(self.world.mesh)}

    def egress_port(self, caller: Name) -> int:
        return self.engine.port("egress {}/{}".format(*caller))

    def _play(self, pod: Pod) -> None:
        if pod not in self.stand_ins:
            self.stand_ins[pod] = StandIn(pod)
            self.engine.call(self.stand_ins[pod].start())

    def _status(self, pod: Pod) -> PodStatus:
        """Every port of a pod leads to the one of its stand-in."""
        deployment = self.resources.get((DEPLOYMENT, pod.namespace, pod.workload))
        declared = cast.container_ports(deployment) if isinstance(deployment, Deployment) else ()
        ports = dict.fromkeys(declared or (UNDECLARED_PORT,), self.stand_ins[pod].port)
        return PodStatus(pod.name, pod.namespace, pod.workload, pod.labels, ports=ports, phase="running", ready=True)

    def _dismiss(self, wanted: Iterable[Pod]) -> None:
        """Those that are no longer wanted: after Envoy has been told."""
        for pod in self.stand_ins.keys() - set(wanted):
            self.engine.call(self.stand_ins.pop(pod).stop())
