"""CPU per request: what the proxies' processes use, over what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from scripts.bench import envoy, load, peers
from scripts.bench.figure import Figure
from scripts.bench.instance import Instance
from scripts.bench.program import NotAnswering, cpu, free_ports

from turnout.process import Process, cpu_seconds

ROUNDS = 20
BLOCK_SECONDS = 0.7
"""CPU time is told in hundredths of a second: a block has to use many of them."""
PRESSURE = load.Load()


@dataclass(frozen=True, slots=True)
class Contestant:
    """`used`: CPU seconds of all its processes so far."""

    port: int
    used: Callable[[], float]

    @classmethod
    def of(cls, port: int, *processes: Process) -> Contestant:
        return cls(port, lambda: cpu(processes))


def figures(folder: Path, instance: Instance, versions: Mapping[str, int]) -> Iterator[Figure]:
    """The split first, then the same requests with copies of all of them."""
    instance.command("shift", "echo", "v1=50")
    with ExitStack() as stack:
        contestants = {"turnout": _turnout(instance), **_splitting(folder, versions, stack)}
        yield from _compared("a split request", _measured(contestants), _SPLIT_TARGETS)
    instance.command("shift", "echo", "v1=100")
    instance.command("mirror", "echo", "--to", "v2")
    with ExitStack() as stack:
        contestants = {"turnout": _turnout(instance), **_mirroring(folder, versions, stack)}
        yield from _compared("a mirrored request", _measured(contestants), {})
    instance.command("mirror", "echo", "--off")


_SPLIT_TARGETS = {"bare Envoy": 1.15, "two Envoy hops with metrics": 0.55, "Traefik with metrics": 0.75}


def _turnout(instance: Instance) -> Contestant:
    pid = instance.status()["envoy"]["pid"]
    return Contestant(instance.gateway_port, lambda: cpu_seconds(pid) or 0.0)


def _splitting(folder: Path, versions: Mapping[str, int], stack: ExitStack) -> dict[str, Contestant]:
    bare, counting, first, other, nginx = free_ports(5)
    second = stack.enter_context(
        envoy.envoy(folder, "counting", counting, envoy.split(counting, versions, metrics=True))
    )
    front = stack.enter_context(envoy.envoy(folder, "first-hop", first, envoy.forward(first, counting)))
    found = {
        "bare Envoy": Contestant.of(
            bare, stack.enter_context(envoy.envoy(folder, "bare", bare, envoy.split(bare, versions)))
        ),
        "two Envoy hops with metrics": Contestant.of(first, front, second),
    }
    if peers.program("traefik"):
        traefik = stack.enter_context(peers.traefik(folder, other, versions))
        found["Traefik with metrics"] = Contestant.of(other, traefik)
    if peers.program("nginx"):
        server = stack.enter_context(peers.nginx(folder, nginx, versions))
        found["nginx split_clients"] = Contestant.of(nginx, server)
    return found


def _mirroring(folder: Path, versions: Mapping[str, int], stack: ExitStack) -> dict[str, Contestant]:
    plain, port = free_ports(2)
    config = envoy.split(plain, versions, mirror="v2")
    found = {
        "bare Envoy, unbounded mirror": Contestant.of(
            plain, stack.enter_context(envoy.envoy(folder, "bare-mirror", plain, config))
        )
    }
    if peers.program("nginx"):
        server = stack.enter_context(peers.nginx(folder, port, versions, mirror=True))
        found["nginx mirror"] = Contestant.of(port, server)
    return found


def _measured(contestants: Mapping[str, Contestant]) -> dict[str, list[float]]:
    """Microseconds per request, block by block.

    The blocks take turns, so that a noisy minute meets all alike, and in an order of chance: whoever always follows
    the same neighbour inherits its caches.
    """
    for contestant in contestants.values():
        load.apply(PRESSURE, contestant.port, 0.3)
    found: dict[str, list[float]] = {name: [] for name in contestants}
    chance = Random(ROUNDS)
    for _ in range(ROUNDS):
        for name in chance.sample(list(contestants), len(contestants)):
            found[name].append(_block(name, contestants[name]))
    return found


def _block(name: str, contestant: Contestant) -> float:
    before = contestant.used()
    requests = load.apply(PRESSURE, contestant.port, BLOCK_SECONDS)["requests"]
    if requests["failed"] or not requests["finished"]:
        raise NotAnswering(f"{name} failed {requests['failed']} of {requests['finished']} requests")
    return (contestant.used() - before) / int(requests["finished"]) * 1e6


def _compared(what: str, taken: Mapping[str, list[float]], targets: Mapping[str, float]) -> Iterator[Figure]:
    """Each round is a comparison of its own; the median of them counts."""
    own = taken["turnout"]
    for name, theirs in taken.items():
        yield Figure(f"CPU of {what}: {name}", median(theirs), "us")
    for name, theirs in taken.items():
        if name != "turnout":
            ratios = [a / b for a, b in zip(own, theirs, strict=True)]
            spread = f"{min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds"
            yield Figure(f"CPU of {what}: turnout against {name}", median(ratios), "x", targets.get(name), spread)
