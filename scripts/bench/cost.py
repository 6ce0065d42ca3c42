"""CPU per request: what the proxies' processes use, over what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from scripts.bench import envoy, load, peers, untraced
from scripts.bench.figure import Figure
from scripts.bench.instance import Instance
from scripts.bench.program import NotAnswering, cpu, free_ports

from turnout.process import Process, cpu_seconds

ROUNDS = 16
BLOCK_SECONDS = 0.6
"""CPU time is told in hundredths of a second: a block has to use many of them."""
PRESSURE = load.Load()

TURNOUT = "turnout, metrics and traces"
UNTRACED = "turnout, metrics"
BARE = "bare Envoy"


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
        own = {TURNOUT: _turnout(instance), UNTRACED: _untraced(folder, instance, stack)}
        taken = _measured({**own, **_splitting(folder, versions, stack)})
    yield from _each("a split request", taken)
    yield _against("a split request", taken, UNTRACED, BARE, 1.15)
    yield from (
        _against("a split request", taken, TURNOUT, name, _TARGETS.get(name)) for name in taken if name not in own
    )
    instance.command("shift", "echo", "v1=100")
    instance.command("mirror", "echo", "--to", "v2")
    with ExitStack() as stack:
        taken = _measured({TURNOUT: _turnout(instance), **_mirroring(folder, versions, stack)})
    yield from _each("a mirrored request", taken)
    yield from (_against("a mirrored request", taken, TURNOUT, name) for name in taken if name != TURNOUT)
    instance.command("mirror", "echo", "--off")


_TARGETS = {BARE: 1.3, "two Envoy hops with metrics": 0.55, "Traefik with metrics": 0.75}


def _turnout(instance: Instance) -> Contestant:
    pid = instance.status()["envoy"]["pid"]
    return Contestant(instance.gateway_port, lambda: cpu_seconds(pid) or 0.0)


def _untraced(folder: Path, instance: Instance, stack: ExitStack) -> Contestant:
    """Without what every request pays so that one in a hundred is traced."""
    (port,) = free_ports(1)
    return Contestant.of(
        port, stack.enter_context(envoy.envoy(folder, "untraced", port, untraced.untraced(instance, port)))
    )


def _splitting(folder: Path, versions: Mapping[str, int], stack: ExitStack) -> dict[str, Contestant]:
    bare, counting, first, other, nginx = free_ports(5)
    second = stack.enter_context(
        envoy.envoy(folder, "counting", counting, envoy.split(counting, versions, metrics=True))
    )
    front = stack.enter_context(envoy.envoy(folder, "first-hop", first, envoy.forward(first, counting)))
    found = {
        BARE: Contestant.of(bare, stack.enter_context(envoy.envoy(folder, "bare", bare, envoy.split(bare, versions)))),
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


def _each(what: str, taken: Mapping[str, list[float]]) -> Iterator[Figure]:
    for name, micros in taken.items():
        yield Figure(f"CPU of {what}: {name}", median(micros), "us")


def _against(what: str, taken: Mapping[str, list[float]], own: str, other: str, target: float | None = None) -> Figure:
    """Each round is a comparison of its own; the median of them counts."""
    ratios = [a / b for a, b in zip(taken[own], taken[other], strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds"
    return Figure(f"… {own}, against {other}", median(ratios), "x", target, spread)
