"""What users notice of a comparison: nothing, whatever becomes of the candidate or of the comparer."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median

import psutil
from scripts.bench import envoy, instance, load, misbehaving, program, project
from scripts.bench.figure import Figure
from scripts.bench.instance import Instance

from turnout.process import Process, rss_bytes

RATE = 2000
"""Requests per second."""
SAMPLE = "1/16"
FAULT_SECONDS = 60.0
BLOCK_SECONDS = 5.0
ROUNDS = 10
SETTLING_SECONDS = 1.0
MOST_GROWTH_MB = 64.0
LOOK_SECONDS = 0.1


def figures(folder: Path) -> Iterator[Figure]:
    """The price first, while all is well; then one fault after the other."""
    v1, v2, gateway = program.free_ports(3)
    with ExitStack() as stack:
        stack.enter_context(envoy.envoy(folder, "stable", v1, envoy.upstreams({"v1": v1})))
        argv = [sys.executable, misbehaving.__file__, str(v2)]
        candidate = stack.enter_context(program.started(argv, folder, name="candidate"))
        versions = {"v1": v1, "v2": v2}
        running = stack.enter_context(instance.up(project.write_echo(folder / "echo", versions), gateway))
        instance.await_pods(running)
        program.await_ok(gateway, envoy.HOST)
        running.command("shift", project.SERVICE, "v1=100")
        yield from _price(running)
        yield from _faults(running, candidate)


def _price(running: Instance) -> Iterator[Figure]:
    """Blocks with and without a comparison take turns, so that a noisy minute meets both."""
    load.apply(load.Load(RATE), running.gateway_port, BLOCK_SECONDS)
    ratios, pairs = [], 0
    for _ in range(ROUNDS):
        without, _ = _block(running)
        with _comparing(running):
            compared, _ = _block(running)
        pairs += _pairs(running)
        ratios.append(compared / without)
    spread = f"{min(ratios):.2f} to {max(ratios):.2f} in {ROUNDS} rounds; {pairs} pairs compared"
    name = f"p99 at {RATE:,} requests/s, {SAMPLE} of them compared, against none"
    yield Figure(name, median(ratios), "x", 1.25, spread)


def _pairs(running: Instance) -> int:
    """Of the comparison that ran last."""
    with running.client() as client:
        return int(client.view("comparison")["report"]["pairs"]["candidate"])


def _block(running: Instance, seconds: float = BLOCK_SECONDS) -> tuple[float, int]:
    """p99 in milliseconds, and how many requests failed."""
    report = load.apply(load.Load(RATE), running.gateway_port, seconds)
    return float(report["latency_ms"]["p99"]), int(report["requests"]["failed"])


def _faults(running: Instance, candidate: Process) -> Iterator[Figure]:
    """The candidate stays huge while the comparer is stopped."""
    envoy_pid = int(running.status()["envoy"]["pid"])
    before_mb = _megabytes(envoy_pid)
    for fault in ("a candidate that hangs", "one that answers 50 MB", "a comparer that is stopped besides"):
        with _comparing(running), ExitStack() as stack:
            if "comparer" in fault:
                stack.enter_context(_suspended(running))
            else:
                candidate.signal(signal.SIGUSR1)
            seen_mb = stack.enter_context(_watched(envoy_pid))
            p99_ms, failed = _block(running, FAULT_SECONDS)
        yield Figure(f"{fault}: requests of users that failed", failed, "", 0, f"p99 {p99_ms:.3g} ms")
        half = median(seen_mb[len(seen_mb) // 2 :]) - before_mb
        rest = f"from {before_mb:.0f} MB; {half:.0f} MB in the second half"
        yield Figure("… Envoy grows meanwhile by at most", max(seen_mb) - before_mb, "MB", MOST_GROWTH_MB, rest)


@contextmanager
def _suspended(running: Instance) -> Iterator[None]:
    """Whichever comparer runs is stopped, each time Turnout has given up on the last one."""

    def suspend() -> None:
        for process in _comparers(running):
            process.suspend()

    with _again_and_again(suspend):
        yield


def _comparers(running: Instance) -> list[psutil.Process]:
    children = psutil.Process(running.process.pid).children()
    with suppress(psutil.Error):
        return [child for child in children if "turnout.capture" in child.cmdline()]
    return []


@contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """A process' memory in megabytes, many times a second."""
    seen = [_megabytes(pid)]
    with _again_and_again(lambda: seen.append(_megabytes(pid))):
        yield seen


@contextmanager
def _again_and_again(do: Callable[[], object]) -> Iterator[None]:
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(LOOK_SECONDS):
            do()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _megabytes(pid: int) -> float:
    return (rss_bytes(pid) or 0) / 1e6


@contextmanager
def _comparing(running: Instance) -> Iterator[None]:
    order = {
        "do": "start",
        "service": project.SERVICE,
        "namespace": "default",
        "from": "v1",
        "to": "v2",
        "sample": SAMPLE,
    }
    with running.client() as client:
        client.post("comparison", order)
        try:
            time.sleep(SETTLING_SECONDS)
            yield
        finally:
            client.post("comparison", {"do": "stop"})
