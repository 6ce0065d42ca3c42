"""What one change among many services costs, in this thread's CPU time: so it counts on a busy machine, too."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import pytest
from tests.compiler.world import FIRST_POD_PORT, manifests

from turnout.compiler.compile import compile
from turnout.compiler.config import ENDPOINTS, ROUTES, Config
from turnout.memo import Memo
from turnout.mesh import mesh
from turnout.mesh.proxy import Egress, Ingress
from turnout.mesh.service import Instance, InstancePort
from turnout.resources.virtual_service import VirtualService

SERVICES = 300
LEAST_RATIO = 15
"""It is 50 to 140; were all services looked at again, it would be 3."""
GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.test"]}]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: NAME}
spec: {selector: {app: NAME}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: NAME}
spec: {host: NAME, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: NAME}
spec:
  hosts: [NAME, NAME.test]
  gateways: [front, mesh]
  http:
    - route:
        - {destination: {host: NAME, subset: v1}, weight: 90}
        - {destination: {host: NAME, subset: v2}, weight: 10}
"""


class Mesh:
    """Many services behind a gateway and a workload's way out, compiled again and again."""

    def __init__(self) -> None:
        names = [f"s{number:03}" for number in range(SERVICES)]
        texts = [GATEWAY, *(SERVICE.replace("NAME", name) for name in names)]
        self.resources = manifests(("all.yaml", "---\n".join(texts))).resources
        self.pods = [_pod(name, at) for at, name in enumerate(names)]
        self._memos = Memo(), Memo()

    def compiled(self) -> tuple[float, Config]:
        begun = time.thread_time()
        built = mesh.build(self.resources, self.pods, memo=self._memos[0])
        config = compile(built, (Ingress(80, 8080), Egress("default", "caller", 9000)), self._memos[1])
        return time.thread_time() - begun, config

    def shift(self, weight: int) -> None:
        routing = [at for at, each in enumerate(self.resources) if isinstance(each, VirtualService)]
        at = routing[weight]
        own = self.resources[at]
        assert isinstance(own, VirtualService)
        first, second = own.spec.http[0].route
        http = replace(own.spec.http[0], route=(replace(first, weight=100 - weight), replace(second, weight=weight)))
        self.resources[at] = replace(own, spec=replace(own.spec, http=(http,)))

    def end(self, number: int) -> None:
        del self.pods[number]


def _pod(name: str, at: int) -> Instance:
    ports = (InstancePort(80, FIRST_POD_PORT + at),)
    return Instance("default", f"{name}-v1", f"{name}-v1-0", "127.0.0.1", ports, {"app": name, "version": "v1"})


@pytest.mark.parametrize(
    ("change", "type_url", "sent"), [(Mesh.shift, ROUTES, 2), (Mesh.end, ENDPOINTS, 2)], ids=["weight", "endpoint"]
)
def test_one_change_costs_a_fraction_of_all_services(
    change: Callable[[Mesh, int], None], type_url: str, sent: int
) -> None:
    fleet = Mesh()
    whole, before = fleet.compiled()
    seconds = []
    for number in range(20, 27):
        change(fleet, number)
        own, after = fleet.compiled()
        seconds.append(own)
        differing = {
            (url, name)
            for url, resources in after.resources.items()
            for name, each in resources.items()
            if each != before.resources[url][name]
        }
        assert {url for url, _ in differing} == {type_url}
        assert len(differing) == sent
        before = after
    assert median(seconds) * LEAST_RATIO < whole
