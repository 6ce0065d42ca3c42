"""What many services cost: the control process, and a real Envoy that is told of every change."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TypeVar

from scripts.bench import deriving, fleet
from scripts.bench.figure import Figure
from scripts.bench.program import free_ports

from turnout.compiler.compile import compile
from turnout.compiler.config import Config
from turnout.inputs.files import read_paths
from turnout.memo import Memo
from turnout.mesh import mesh
from turnout.mesh.proxy import Egress, Ingress, Proxy
from turnout.mesh.service import Instance
from turnout.process import rss_bytes
from turnout.resources.virtual_service import VirtualService
from turnout.xds.ads import AdsServer
from turnout.xds.envoy import Envoy

SIZES = (10, 100, 1000, 5000)
WITH_TARGETS = 1000
FULL_SECONDS, CHANGE_SECONDS, READ_SECONDS = 1.0, 0.005, 2.0
CHANGES = 20
ACKNOWLEDGE_SECONDS = 120
WORKERS = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Memos:
    """What is kept of the last change."""

    mesh: Memo = field(default_factory=Memo)
    config: Memo = field(default_factory=Memo)


@dataclass(slots=True)
class Measured:
    """Seconds and bytes. Compilation is from resources to Envoy's configuration; what Envoy needs comes on top.

    What this process does by itself is told in CPU time of its thread, as others may run beside it.
    """

    read: float
    full: float = 0.0
    full_acknowledged: float = 0.0
    weights: list[float] = field(default_factory=list)
    weights_acknowledged: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    endpoints: list[float] = field(default_factory=list)
    endpoints_acknowledged: list[float] = field(default_factory=list)
    control_bytes: int = 0
    envoy_bytes: int = 0


def figures(folder: Path) -> Iterator[Figure]:
    """Each size in a process of its own, whose memory is what that size takes."""
    for services in SIZES:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found = pool.submit(measured, folder / str(services), services).result()
        yield from _figures(services, found)


def _figures(services: int, found: Measured) -> Iterator[Figure]:
    def target(value: float) -> float | None:
        return value if services == WITH_TARGETS else None

    what = f"{services} services, {2 * services} subsets"
    yield Figure(f"{what}: manifests read", found.read, "s", target(READ_SECONDS))
    yield Figure(f"{what}: full compile", found.full, "s", target(FULL_SECONDS))
    yield Figure(f"{what}: … until Envoy has it", found.full_acknowledged, "s")
    yield Figure(f"{what}: one weight changed", _milliseconds(found.weights), "ms", target(CHANGE_SECONDS * 1000))
    yield Figure(f"{what}: … until Envoy has it", _milliseconds(found.weights_acknowledged), "ms")
    yield Figure(f"{what}: … written, read, derived and compiled", _milliseconds(found.writes), "ms")
    yield Figure(f"{what}: one endpoint gone", _milliseconds(found.endpoints), "ms", target(CHANGE_SECONDS * 1000))
    yield Figure(f"{what}: … until Envoy has it", _milliseconds(found.endpoints_acknowledged), "ms")
    yield Figure(f"{what}: memory of the control process", found.control_bytes / 1e6, "MB")
    yield Figure(f"{what}: memory of Envoy", found.envoy_bytes / 1e6, "MB")


def measured(folder: Path, services: int) -> Measured:
    """Everything about one size, in this process."""
    fleet.write(folder, services)
    seconds, manifests = _timed(lambda: read_paths([folder]))
    assert not manifests.problems, manifests.problems[:3]
    resources: list[object] = [manifest.resource for manifest in manifests.objects]
    found = Measured(seconds)
    with tempfile.TemporaryDirectory(prefix="to-") as runtime:  # short enough for a socket's path
        asyncio.run(_published(found, Path(runtime), resources, fleet.instances(services)))
    found.writes.extend(deriving.writes(folder, services, min(services, CHANGES)))
    return found


async def _published(found: Measured, runtime: Path, resources: list[object], pods: list[Instance]) -> None:
    """A full configuration, then weights and endpoints one by one, each compiled and acknowledged."""
    ads = AdsServer(runtime / "ads.sock", on_rejection=_refused)
    envoy = Envoy(
        ads_socket=runtime / "ads.sock", runtime=runtime, log=runtime / "envoy.log", concurrency=WORKERS, node="bench"
    )
    await ads.start()
    await envoy.start()
    try:
        await _measure(found, ads, resources, pods)
        assert envoy.identity is not None
        found.control_bytes = rss_bytes(os.getpid()) or 0
        found.envoy_bytes = rss_bytes(envoy.identity.pid) or 0
    finally:
        await envoy.stop()
        await ads.stop()


async def _measure(found: Measured, ads: AdsServer, resources: list[object], pods: list[Instance]) -> None:
    gateway, egress = free_ports(2)
    # A workload's own way out knows every service, so one of them doubles the routes.
    proxies = (Ingress(80, gateway), Egress("default", "caller", egress))
    memo = Memos()
    found.full, config = _compiled(resources, pods, proxies, memo)
    found.full_acknowledged = await _acknowledged(ads, config)
    for weight in range(1, CHANGES + 1):
        resources = _shifted(resources, weight)
        seconds, config = _compiled(resources, pods, proxies, memo)
        found.weights.append(seconds)
        found.weights_acknowledged.append(await _acknowledged(ads, config))
    for gone in range(CHANGES):
        seconds, config = _compiled(resources, [*pods[:gone], *pods[gone + 1 :]], proxies, memo)
        found.endpoints.append(seconds)
        found.endpoints_acknowledged.append(await _acknowledged(ads, config))


async def _acknowledged(ads: AdsServer, config: Config) -> float:
    begun = time.perf_counter()
    async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
        await ads.publish(config).acknowledged()
    return time.perf_counter() - begun


def _refused(rejection: object) -> None:
    raise AssertionError(f"Envoy refused {rejection}")


def _shifted(resources: list[object], weight: int) -> list[object]:
    """The same with this weight in one VirtualService; everything else is the same object, as in the instance."""
    routing = [i for i, resource in enumerate(resources) if isinstance(resource, VirtualService)]
    index = routing[weight % len(routing)]
    virtual_service = resources[index]
    assert isinstance(virtual_service, VirtualService)
    http = virtual_service.spec.http[0]
    routes = tuple(replace(route, weight=w) for route, w in zip(http.route, (100 - weight, weight), strict=True))
    spec = replace(virtual_service.spec, http=(replace(http, route=routes),))
    return [*resources[:index], replace(virtual_service, spec=spec), *resources[index + 1 :]]


def _compiled(
    resources: Sequence[object], pods: Sequence[Instance], proxies: Sequence[Proxy], memo: Memos
) -> tuple[float, Config]:
    """From resources to Envoy's configuration, as after every change; `memo` is that of the change before."""
    return _timed(lambda: compile(mesh.build(resources, pods, memo=memo.mesh), proxies, memo.config))


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begun = time.thread_time()
    result = work()
    return time.thread_time() - begun, result


def _milliseconds(seconds: Sequence[float]) -> float:
    return median(seconds) * 1000
