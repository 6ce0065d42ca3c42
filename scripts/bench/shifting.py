"""From a shift to the first request on the new weight: in the engine, by the command, by a saved file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scripts.bench import load, peers, project
from scripts.bench.figure import Figure, milliseconds
from scripts.bench.instance import Instance
from scripts.bench.program import free_ports
from scripts.bench.sight import Sight, observed

from turnout.client import Client
from turnout.resources.kinds import VIRTUAL_SERVICE

ENGINE_SHIFTS = 300
COMMANDS = 60
SAVES = 30
PEER_SAVES = 3
REST_SECONDS = 0.02
PRESSURE = load.Load(rate=1500)

Shift = Callable[[dict[str, int]], None]
Way = tuple[str, Shift, int, tuple[float | None, float | None]]


def figures(folder: Path, instance: Instance, versions: Mapping[str, int]) -> Iterator[Figure]:
    """Idle first, then a peer, then under load; no request of that load may fail."""
    with observed(instance.gateway_port) as sight, instance.client() as client:
        for way in _ways(instance, client):
            yield from _measured(way, "idle", sight)
        if peers.program("traefik"):
            yield from _traefik(folder, versions)
        with load.applied(PRESSURE, instance.gateway_port) as running:
            time.sleep(1.0)  # until it is at its rate
            under_load = [figure for way in _ways(instance, client) for figure in _measured(way, "under load", sight)]
        yield from under_load
    requests = running.report["requests"]
    sent = f"{requests['finished']} requests at {running.report['rate_per_second']:.0f} per second"
    yield Figure("failed requests during the shifts under load", requests["failed"], "", 0, sent)


def _ways(instance: Instance, client: Client) -> list[Way]:
    def patch(weights: dict[str, int]) -> None:
        operations = [
            {"op": "replace", "path": f"/spec/http/0/route/{index}/weight", "value": weight}
            for index, weight in enumerate(weights.values())
        ]
        client.patch(VIRTUAL_SERVICE, "default", project.SERVICE, operations, type="json")

    def command(weights: dict[str, int]) -> None:
        words = [f"{version}={weight}" for version, weight in weights.items()]
        instance.command("shift", project.SERVICE, *words)

    def save(weights: dict[str, int]) -> None:
        project.write_weights(instance.project, *weights.values())

    return [
        ("weight patched → first request on it", patch, ENGINE_SHIFTS, (None, 10)),
        ("turnout shift → first request on it", command, COMMANDS, (None, 150)),
        ("file saved → first request on it", save, SAVES, (None, 300)),
    ]


def _traefik(folder: Path, versions: Mapping[str, int]) -> list[Figure]:
    """The peer that watches a file as well, with its defaults: it waits for two seconds between changes."""
    (port,) = free_ports(1)

    def save(weights: dict[str, int]) -> None:
        peers.write_traefik_weights(folder, versions, weights)

    with peers.traefik(folder, port, versions), observed(port) as sight:
        return _measured(("file saved → first request on it: Traefik", save, PEER_SAVES, (None, None)), "idle", sight)


def _measured(way: Way, state: str, sight: Sight) -> list[Figure]:
    name, shift, times, targets = way
    shift({"v1": 0, "v2": 100})
    sight.settle("v2")
    taken = []
    for number in range(times):
        to, other = ("v2", "v1") if number % 2 else ("v1", "v2")
        started = time.monotonic()
        shift({version: 100 if version == to else 0 for version in sorted((to, other))})
        taken.append(sight.first(to, started))
        time.sleep(REST_SECONDS)
    return milliseconds(f"{name}, {state}", taken, targets)
