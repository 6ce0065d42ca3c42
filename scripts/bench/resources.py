"""What the resource API costs its clients: lists of a thousand objects, and how soon a watch tells of a change."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.bench import fleet, instance, program
from scripts.bench.figure import Figure, milliseconds
from scripts.bench.instance import Instance

from turnout.resources.kinds import VIRTUAL_SERVICE

SERVICES = 1000
START_SECONDS = 120
GET_SECONDS = 1.0
WATCH_MS = 100.0
GETS = 5
CHANGES = 200
PAUSE_SECONDS = 0.02
MARK = "bench.turnout.dev/mark"


def figures(folder: Path) -> Iterator[Figure]:
    """Of a whole `turnout up` with its Envoy, whose loop is busy with what each change means."""
    project = folder / "fleet"
    fleet.write(project, SERVICES)
    (port,) = program.free_ports(1)
    with instance.up(project, port) as running:
        instance.await_pods(running, START_SECONDS)
        yield from _gets(running)
        seconds = _delivered(running)
        yield from milliseconds(f"{SERVICES} objects: a change → a watch tells of it", seconds, (None, WATCH_MS))


def _gets(running: Instance) -> Iterator[Figure]:
    kubectl = shutil.which("kubectl")
    if kubectl is not None:
        argv = [kubectl, "--kubeconfig", str(running.state / "kubeconfig"), "get", "virtualservices"]
        for words, target in (((), GET_SECONDS), (("-o", "yaml"), None)):
            said = " ".join(["kubectl get", *words])
            yield Figure(f"{SERVICES} objects: {said}", _seconds([*argv, *words]), "s", target, f"{GETS} times")
    with running.client() as client:
        begun = time.perf_counter()
        found = client.list(VIRTUAL_SERVICE)
        yield Figure(f"{SERVICES} objects: listed by a client", (time.perf_counter() - begun) * 1000, "ms")
    assert len(found["items"]) == SERVICES


def _seconds(argv: list[str]) -> float:
    """The middle one of several runs."""
    taken = []
    for _ in range(GETS):
        begun = time.perf_counter()
        subprocess.run(argv, check=True, capture_output=True)
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[GETS // 2]


def _delivered(running: Instance) -> list[float]:
    """From before a patch is sent until a watch on another connection has its event."""
    sent: dict[str, float] = {}
    came: dict[str, float] = {}
    with running.client() as reader, running.client() as writer:
        version = writer.list(VIRTUAL_SERVICE)["metadata"]["resourceVersion"]
        watch = reader.watch(VIRTUAL_SERVICE, "", version, START_SECONDS)

        def follow() -> None:
            for _, obj in watch:
                mark = obj["metadata"].get("annotations", {}).get(MARK, "")
                if mark in sent:
                    came.setdefault(mark, time.perf_counter())
                if len(came) == CHANGES:
                    return

        following = threading.Thread(target=follow, daemon=True)
        following.start()
        for number in range(CHANGES):
            mark = str(number)
            sent[mark] = time.perf_counter()
            patch = {"metadata": {"annotations": {MARK: mark}}}
            writer.patch(VIRTUAL_SERVICE, "default", fleet.name(number % SERVICES), patch)
            time.sleep(PAUSE_SECONDS)
        following.join(START_SECONDS)
    assert len(came) == CHANGES, f"{CHANGES - len(came)} changes were never told"
    return [came[mark] - sent[mark] for mark in sent]
