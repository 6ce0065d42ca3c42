"""All workloads of this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from turnout.workloads.builds import Builds
from turnout.workloads.draining import MeshView
from turnout.workloads.journal import Journal
from turnout.workloads.launcher import Launcher, Ledger
from turnout.workloads.logs import rotate
from turnout.workloads.pod import Host, Pod
from turnout.workloads.ports import Ports
from turnout.workloads.replicas import Replicas
from turnout.workloads.status import PodStatus
from turnout.workloads.workload import Workload

ROTATION_SECONDS = 2.0
FOREVER_SECONDS = 3600.0


class Workloads:
    """Keeps what runs as it is wanted. Everything but `stop` returns at once or may be cancelled.

    `changed` is called in the event loop whenever `pods()` gives something else; to be short, it should only note it.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        logs: Path,
        mesh: MeshView,
        changed: Callable[[], None],
        ports: Ports | None = None,
        environment: Mapping[str, str] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        """`environment`: what processes and builds inherit, Turnout's own if None. `ports`: whoever else takes some.

        `ledger`: where it is noted that containers were started.
        """
        outer = dict(os.environ if environment is None else environment)
        self._journal = journal
        self._logs = logs
        self._changed = changed
        self._builds = Builds(outer)
        self._launcher = Launcher(outer, ledger)
        self._host = Host(
            journal,
            logs,
            mesh,
            ports or Ports(),
            self._builds,
            self._launcher,
            outer,
            self._pod_changed,
            self._pod_available,
            self._pod_gone,
        )
        self._replicas: dict[tuple[str, str], Replicas] = {}
        self._rotation: asyncio.Task[None] | None = None

    async def adopt(self) -> None:
        """Takes over what an earlier Turnout left running, as the journal says; before the first `reconcile`.

        Pods that ended meanwhile are forgotten (`reconcile` starts others), and what they left behind is ended.
        """
        self._begin()
        leftovers = []
        for record in self._journal.load():
            process = self._launcher.adopt(record)
            if process is not None:
                self._of(record.namespace, record.workload).adopt(record, process)
            else:
                leftovers.append(self._launcher.bury(record))
                self._journal.remove(record.name)
        await asyncio.gather(*leftovers)
        self._changed()

    def reconcile(self, desired: Sequence[Workload]) -> None:
        """What is to run from now on; a workload that is not named is drained. Carried out in the background."""
        self._begin()
        wanted = {workload.key: workload for workload in desired}
        for key in [*self._replicas, *(key for key in wanted if key not in self._replicas)]:
            self._of(*key).want(wanted.get(key))

    def pods(self) -> tuple[PodStatus, ...]:
        """All pods, draining ones included, in the order of namespace, workload and age."""
        return tuple(chain.from_iterable(self._replicas[key].statuses() for key in sorted(self._replicas)))

    def retire(self, namespace: str, name: str, pod: str) -> None:
        """Replaces one pod by a new one of the version that is wanted now; the old one serves until that is ready."""
        if replicas := self._replicas.get((namespace, name)):
            replicas.retire(pod)

    async def restart(self, namespace: str, name: str) -> None:
        """Rolls a workload; returns when no old pod is in service any more. An unknown one is already so.

        It never returns while the new pods do not become ready: bound it.
        """
        replicas = self._replicas.get((namespace, name))
        if replicas is not None:
            await replicas.restart()

    async def stop(self, grace_seconds: float = FOREVER_SECONDS) -> None:
        """Ends everything at once: SIGTERM, and SIGKILL after each pod's own grace period or `grace_seconds`."""
        if self._rotation is not None:
            self._rotation.cancel()
        ending = [replicas.stop(grace_seconds) for replicas in self._replicas.values()]
        await asyncio.gather(self._builds.stop(), *ending)
        if self._rotation is not None:
            await asyncio.wait([self._rotation])
        self._replicas.clear()

    def _begin(self) -> None:
        if self._rotation is None:
            self._logs.mkdir(parents=True, exist_ok=True)
            self._rotation = asyncio.create_task(self._rotate())

    async def _rotate(self) -> None:
        while True:
            await asyncio.sleep(ROTATION_SECONDS)
            for path in list(self._logs.glob("*.log")):
                await asyncio.to_thread(rotate, path)

    def _of(self, namespace: str, name: str) -> Replicas:
        return self._replicas.setdefault((namespace, name), Replicas(self._host))

    def _pod_changed(self, pod: Pod) -> None:
        self._pod_available(pod)
        self._changed()

    def _pod_available(self, pod: Pod) -> None:
        if replicas := self._replicas.get((pod.status.namespace, pod.status.workload)):
            replicas.poke()

    def _pod_gone(self, pod: Pod) -> None:
        key = (pod.status.namespace, pod.status.workload)
        if replicas := self._replicas.get(key):
            replicas.gone(pod)
            if replicas.finished:
                del self._replicas[key]
        self._changed()
