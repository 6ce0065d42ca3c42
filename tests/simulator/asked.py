"""A real Envoy and the simulator, both asked the same."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from envoy.config.route.v3.route_pb2 import RouteConfiguration
from tests.compiler.test_cases import BASE
from tests.compiler.world import manifests
from tests.e2e.proxied import Answer as Got
from tests.e2e.proxied import Proxied
from tests.simulator.generated import FIXED, Sent

from turnout.compiler.compile import compile
from turnout.compiler.config import ROUTES, Config, Versioned
from turnout.mesh import gateway_servers, mesh
from turnout.mesh.proxy import Egress, Ingress, Proxy
from turnout.resources.core import Deployment
from turnout.simulator.answer import Action, Answer, Destination, Operation
from turnout.simulator.request import Request
from turnout.simulator.simulation import Simulation

MATCHED = "x-matched"
COMPARED = ("x-a", "x-b", "x-c", "x-w")
"""The headers that generated routes and requests have."""


@dataclass
class Asked(Proxied):
    """Serves manifests with every route of Envoy's saying in its answers which one it is."""

    simulations: dict[str, Simulation] = field(default_factory=dict)

    async def serve(self, *texts: str) -> None:
        """Asserts that Envoy refuses nothing."""
        read_in = manifests(*((f"{at}.yaml", text) for at, text in enumerate((BASE.read_text(), FIXED, *texts))))
        deployments = [r for r in read_in.resources if isinstance(r, Deployment)]
        built = mesh.build(read_in.resources, [await self._instance(d) for d in deployments])
        ways: dict[str, Proxy] = {
            str(port): Ingress(port, self._port(f"gateway {port}")) for port in sorted(gateway_servers.ports(built))
        }
        for each in deployments:
            meta, labels = each.metadata, each.spec.template.metadata.labels
            name = f"{meta.namespace}/{meta.name}"
            ways[name] = Egress(meta.namespace, meta.name, self._port(name), labels)
        async with asyncio.timeout(15):
            assert await self.ads.publish(marked(compile(built, list(ways.values())))).acknowledged() == []
        for upstream in self.upstreams.values():
            upstream.received.clear()
        self.simulations = {name: Simulation.of(built, proxy) for name, proxy in ways.items()}

    def told(self, sent: Sent) -> Answer:
        return self.simulations[sent.via].answer(Request(sent.method, sent.host, sent.path, sent.headers))

    async def got(self, sent: Sent) -> Got:
        headers = {"host": sent.host} | dict(sent.headers)
        if sent.via.isdecimal():
            return await self._send(f"gateway {sent.via}", sent.method, sent.path, headers)
        return await self._send(sent.via, sent.method, f"http://{sent.host}{sent.path}", headers)


def marked(config: Config) -> Config:
    """Each route's answers carry its virtual host's name and its place in there."""
    tables = {}
    for name, resource in config.resources[ROUTES].items():
        table = RouteConfiguration.FromString(resource.message.SerializeToString())
        for host in table.virtual_hosts:
            for at, route in enumerate(host.routes):
                route.response_headers_to_add.add().header.key = MATCHED
                route.response_headers_to_add[-1].header.value = f"{host.name}#{at}".replace("%", "%%")
        tables[name] = Versioned.of(table)
    return Config({**config.resources, ROUTES: tables})


@dataclass
class Chances:
    """How often the first of several destinations answered, against how often it should have."""

    excess: float = 0.0
    variance: float = 0.0

    def add(self, told: Answer, got: Got) -> None:
        """Nothing of requests that cannot tell: a fault took them, or destinations share their pods."""
        first, *others = [{pod.workload for pod in each.endpoints} for each in told.destinations] or [set()]
        if (
            not others
            or any(first & other for other in others)
            or not first
            or (told.fault and told.fault.abort_percent)
        ):
            return
        chance = told.destinations[0].percent / 100
        self.excess += (got.by in first) - chance
        self.variance += chance * (1 - chance)

    @property
    def deviations(self) -> float:
        """Standard deviations between what was and what should have been."""
        return abs(self.excess) / math.sqrt(max(self.variance, 1.0))


def disagreements(told: Answer, got: Got) -> Iterator[str]:
    """What Envoy did otherwise than it was said."""
    if told.fault and told.fault.abort_percent == 100:
        yield from _differ("status", told.fault.abort_status, got.status)
    elif told.action is Action.FORWARD:
        yield from _forwarded(told, got)
    else:
        yield from _differ("status", told.status, got.status)
        yield from _differ("answerer", "", got.by)
        yield from _differ("location", told.location, got.headers.get("location", ""))
        if told.action is Action.RESPOND and told.body:
            yield from _differ("body", told.body, got.body)
        if told.rule and not told.reason:
            yield from _differ("route", f"{told.virtual_host}#{len(told.passed)}", got.headers.get(MATCHED))
            yield from _differ("x-r", answered(told.response_headers, {}).get("x-r"), got.headers.get("x-r"))


def _forwarded(told: Answer, got: Got) -> Iterator[str]:
    if not got.by:
        likely_statuses = {each.failure_status for each in told.destinations}
        yield from [] if got.status in likely_statuses else [f"status: {got.status} {got.body!r}"]
        return
    likely = [each for each in told.destinations if not each.failure and got.by in {e.workload for e in each.endpoints}]
    if not likely:
        yield f"{got.by} answered"
        return
    yield from _differ("route", f"{told.virtual_host}#{len(told.passed)}", got.headers.get(MATCHED))
    yield from _differ("path", told.path_sent, got.request["path"])
    yield from min((list(_arrived(told, each, got)) for each in likely), key=len)


def _arrived(told: Answer, place: Destination, got: Got) -> Iterator[str]:
    """Several destinations may have the same pods: one of them has to fit."""
    received = got.request["headers"]
    yield from _differ("host", place.authority, received["host"])
    for name in COMPARED:
        yield from _differ(name, place.headers.get(name), received.get(name))
    own = answered(told.response_headers, answered(place.response_headers, {"x-upstream": got.by}))
    for name in ("x-r", "x-upstream"):
        yield from _differ(f"the answer's {name}", own.get(name), got.headers.get(name))


def answered(operations: tuple[Operation, ...], headers: dict[str, str]) -> dict[str, str]:
    """An answer's headers after the operations."""
    found = dict(headers)
    for each in operations:
        name = each.name.lower()
        if each.verb == "remove":
            found.pop(name, None)
        elif each.verb == "add" and name in found:
            found[name] = f"{found[name]},{each.value}"
        else:
            found[name] = each.value
    return found


def _differ(what: str, told: object, got: object) -> Iterator[str]:
    if told != got:
        yield f"{what}: said {told!r}, was {got!r}"
