"""Pods' programs, started as processes or containers, and found again by whoever comes after a crash."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from turnout.error import ContainersFailed
from turnout.process import Process, carries, namespace_ports
from turnout.workloads.container import Container
from turnout.workloads.container_cli import outer_environment
from turnout.workloads.containers import Containers
from turnout.workloads.environment import POD, command, environment, variables
from turnout.workloads.journal import PodRecord
from turnout.workloads.running import Running
from turnout.workloads.runtime import ENGINES, Engine
from turnout.workloads.workload import Workload

LEFTOVER_SECONDS = 3.0


class Launcher:
    """`outer` is what processes inherit."""

    def __init__(self, outer: Mapping[str, str], ledger: Ledger | None = None) -> None:
        """`ledger`: which engines were used; without one no container can be started."""
        self._outer = outer
        self._ledger = ledger
        self._containers: dict[Engine, Containers] = {}

    async def start(self, workload: Workload, pod: str, ports: Mapping[int, int], log: Path) -> Running:
        """The program of one pod, its output appended to `log`. Raises TurnoutError."""
        if workload.container is not None:
            engine = workload.container.runtime.engine
            if self._ledger is not None:
                self._ledger.note(engine)
            return await self._of(engine).start(workload, pod, ports, log)
        argv = command(workload, variables(workload, pod, ports))
        return Process.spawn(argv, cwd=workload.cwd, env=environment(workload, pod, ports, self._outer), log=log)

    def adopt(self, record: PodRecord) -> Running | None:
        """What an earlier Turnout started; None if it has ended."""
        if record.engine:
            return self._of(record.engine).adopt(record.container, record.identity)
        return Process.adopt(record.identity)

    async def bury(self, record: PodRecord) -> None:
        """What is left of a pod that ended while nobody watched: an ended container, or grandchildren.

        A process's number may long be another's, so that only one with the pod's own variable in its environment
        counts.
        """
        if record.engine:
            await self._of(record.engine).bury(record.container)
            return
        process = Process(record.identity, None)
        if any(carries(pid, POD, record.name) for pid in process.members()):
            await process.stop(LEFTOVER_SECONDS)

    def _of(self, engine: Engine) -> Containers:
        if engine not in self._containers:
            owner = self._ledger.owner if self._ledger else ""
            self._containers[engine] = Containers(engine, owner, outer_environment(self._outer))
        return self._containers[engine]


def listening(workload: Workload, running: Running) -> Callable[[], set[int]] | None:
    """How to see on which container ports it listens, if it has a network of its own."""
    own = workload.container is not None and workload.container.network == "own"
    return partial(namespace_ports, running.pid) if own else None


def reference(running: Running) -> str:
    """As PodStatus has it; empty for a process."""
    return running.reference if isinstance(running, Container) else ""


def beside(running: Running) -> tuple[str, ...]:
    """What stands before a command that is to run where the pod's program does."""
    return running.inside if isinstance(running, Container) else ()


class Ledger:
    """A file that says which engines an instance has used: only those are asked for what is left of it."""

    def __init__(self, path: Path, owner: str) -> None:
        self.owner = owner
        self._path = path

    def note(self, engine: Engine) -> None:
        """Before anything is made with it. A full disk is no reason not to run."""
        with suppress(OSError):
            used = self._engines()
            if engine not in used:
                self._path.write_text("".join(f"{name}\n" for name in (*used, engine)))

    async def end_strays(self, pods: Collection[str] = ()) -> list[str]:
        """Removes all containers but those of the `pods`; without pods the images that were made, too.

        The names of the pods that containers were removed of. An engine that does not answer is asked again next time.
        """
        found: list[str] = []
        for engine in self._engines():
            containers = Containers(engine, self.owner, outer_environment())
            try:
                found += await containers.end_strays(pods)
                if not pods:
                    await containers.remove_images()
            except ContainersFailed:
                return found
        if not pods:
            self._path.unlink(missing_ok=True)
        return found

    def _engines(self) -> list[Engine]:
        try:
            noted = self._path.read_text().split()
        except OSError:
            return []
        return [engine for engine in ENGINES if engine in noted]
