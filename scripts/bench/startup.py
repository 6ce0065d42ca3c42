"""The article's example: from `turnout up` to the first 200, memory, and how long commands take."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from scripts.bench import project
from scripts.bench.figure import Figure
from scripts.bench.instance import Instance, await_pods, environment, turnout, up
from scripts.bench.program import NotAnswering, ask, await_ok, free_ports, started

from turnout.process import rss_bytes

STARTS = 3
RUNS = 10
REQUESTS = 200
BUILD_SECONDS = 180.0
PROBE = "/healthz"
FINE = (0, 1)
"""`turnout status` ends with 1 when it has a problem to tell."""


def figures(folder: Path) -> Iterator[Figure]:
    """The first start builds what is to be built; it does not count."""
    example = project.write_example(folder / "example")
    (port,) = free_ports(1)
    with up(example, port) as instance:
        await_pods(instance, BUILD_SECONDS)
    own = median(_application(example) for _ in range(STARTS))
    taken = []
    for number in range(STARTS):
        with up(example, port) as instance:
            taken.append(await_ok(port, project.EXAMPLE_HOST, PROBE) - instance.launched)
            if number == STARTS - 1:
                yield from _started(median(taken), own)
                yield from _memory(instance)
                yield from _commands(instance)


def _application(example: Path) -> float:
    """Seconds until the application answers, started by hand."""
    (port,) = free_ports(1)
    begun = time.monotonic()
    with started(["python3", "app.py"], example / "app", {**environment(), "PORT": str(port)}):
        return await_ok(port, "localhost", PROBE) - begun


def _started(total: float, own: float) -> Iterator[Figure]:
    yield Figure("turnout up → first 200 through the gateway", total, "s")
    yield Figure("the application's own start", own, "s")
    yield Figure("turnout up → first 200, less the application's start", total - own, "s", 3)


def _memory(instance: Instance) -> Iterator[Figure]:
    status = await_pods(instance)
    for _ in range(REQUESTS):
        ask(instance.gateway_port, project.EXAMPLE_HOST, PROBE)
    for name, pid, target in (("control process", status["pid"], 150), ("Envoy", status["envoy"]["pid"], 90)):
        yield Figure(f"memory of the {name} (RSS), example application", (rss_bytes(pid) or 0) / 1e6, "MB", target)


def _commands(instance: Instance) -> Iterator[Figure]:
    """Commands take turns with an empty program, which is what no command can be faster than."""
    empty = [sys.executable, "-c", "pass"]
    measured: dict[str, tuple[Sequence[str], float | None]] = {
        "python -c pass": (empty, None),
        "turnout --help": (turnout("--help"), 200),
        "turnout status": (instance.argv("status"), 300),
    }
    taken: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(RUNS):
        for name, (argv, _target) in measured.items():
            taken[name].append(_wall_seconds(argv))
    least = median(taken["python -c pass"])
    for name, (_argv, target) in measured.items():
        against = "" if target is None else f"{median(taken[name]) / least:.1f} times python -c pass"
        yield Figure(name, median(taken[name]) * 1000, "ms", target, against)


def _wall_seconds(argv: Sequence[str]) -> float:
    begun = time.perf_counter()
    done = subprocess.run(argv, check=False, capture_output=True)
    taken = time.perf_counter() - begun
    if done.returncode not in FINE:
        raise NotAnswering(f"{' '.join(argv)} ended with status {done.returncode}: {done.stderr.decode()}")
    return taken
