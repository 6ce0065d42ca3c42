"""What a thousand services cost the control process, in this process and without Envoy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TypeVar

from scripts.bench import fleet
from scripts.bench.figure import Figure

from turnout.compiler.compile import compile
from turnout.compiler.memo import Memo
from turnout.inputs.files import read_paths
from turnout.mesh import mesh
from turnout.mesh.proxy import Egress, Ingress
from turnout.mesh.service import Instance
from turnout.resources.virtual_service import VirtualService

SIZES = (100, 1000)
FULL_SECONDS, CHANGE_SECONDS, READ_SECONDS = 1.0, 0.005, 2.0
CHANGES = 5
PROXIES = (Ingress(80, 8080), Egress("default", "caller", 15001))
"""A workload's own way out knows every service, so one of them doubles the routes."""

T = TypeVar("T")


def figures(folder: Path) -> Iterator[Figure]:
    """Targets are for the larger size."""
    for services in SIZES:
        yield from _figures(folder / str(services), services, with_targets=services == max(SIZES))


def _figures(folder: Path, services: int, *, with_targets: bool) -> Iterator[Figure]:
    def target(value: float) -> float | None:
        return value if with_targets else None

    fleet.write(folder, services)
    what = f"{services} services, {2 * services} subsets"
    read, manifests = _timed(lambda: read_paths([folder]))
    assert not manifests.problems, manifests.problems[:3]
    resources: list[object] = [manifest.resource for manifest in manifests.objects]
    pods = fleet.instances(services)
    memo = Memo()
    full = _compile_seconds(resources, pods, memo)
    changes = [_compile_seconds(_shifted(resources, weight), pods, memo) for weight in range(1, CHANGES + 1)]
    yield Figure(f"{what}: manifests read", read, "s", target(READ_SECONDS))
    yield Figure(f"{what}: full compile", full, "s", target(FULL_SECONDS))
    yield Figure(f"{what}: one weight changed", median(changes) * 1000, "ms", target(CHANGE_SECONDS * 1000))


def _shifted(resources: list[object], weight: int) -> list[object]:
    """The same with another weight in one VirtualService; everything else is the same object, as in the instance."""
    index = next(i for i, resource in enumerate(resources) if isinstance(resource, VirtualService))
    virtual_service = resources[index]
    assert isinstance(virtual_service, VirtualService)
    http = virtual_service.spec.http[0]
    routes = tuple(replace(route, weight=w) for route, w in zip(http.route, (100 - weight, weight), strict=True))
    spec = replace(virtual_service.spec, http=(replace(http, route=routes),))
    return [*resources[:index], replace(virtual_service, spec=spec), *resources[index + 1 :]]


def _compile_seconds(resources: Sequence[object], pods: Sequence[Instance], memo: Memo) -> float:
    """From resources to Envoy's configuration, as after every change; `memo` is that of the change before."""
    return _timed(lambda: compile(mesh.build(resources, pods), PROXIES, memo))[0]


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result
