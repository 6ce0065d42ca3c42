"""One workload's pods: as many as it wants, of the version it wants."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator

from turnout.workloads.journal import PodRecord
from turnout.workloads.life import Life
from turnout.workloads.logs import prune
from turnout.workloads.pod import Host, Pod
from turnout.workloads.rolling import next_step
from turnout.workloads.running import Running
from turnout.workloads.status import PodStatus
from turnout.workloads.workload import Workload

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class Replicas:
    """The only place that starts and retires a workload's pods. `poke` after anything that may lead to a next step."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._wanted: Workload | None = None
        self._told = False
        """Whether `want` has been called: until then adopted pods stay as they are, whatever happens to them."""
        self._lives: dict[str, Life] = {}
        self._age = 0
        self._poked = False
        self._closed = False
        self._rolled: list[asyncio.Future[None]] = []

    def want(self, workload: Workload | None) -> None:
        """What it is to be from now on; None: nothing at all."""
        self._wanted, self._told = workload, True
        template_hash = workload.template_hash if workload else ""
        for life in self._lives.values():
            if workload is not None and life.pod.status.template_hash == template_hash:
                life.resume(workload)
        self.poke()

    def adopt(self, record: PodRecord, process: Running) -> None:
        """Takes over a pod of an earlier Turnout, as it is; one that was draining goes on to do so."""
        pod = Pod.adopted(self._host, record, process, self._next_age())
        life = self._lives[record.name] = Life(pod)
        life.start()
        if record.draining:
            life.leave()

    async def restart(self) -> None:
        """Replaces each pod by a new one of the same version; returns when none of the old is in service any more.

        As long as no new pod becomes ready, that is never: the caller bounds it.
        """
        if self._wanted is not None:
            self._host.builds.forget_failure(self._wanted)
        for life in self._lives.values():
            life.pod.outdated = True
        rolled = asyncio.get_running_loop().create_future()
        self._rolled.append(rolled)
        self.poke()
        await rolled

    def retire(self, name: str) -> None:
        """Replaces one pod; one that is not there, or leaves already, is left alone."""
        if life := self._lives.get(name):
            life.pod.outdated = True
            self.poke()

    async def stop(self, grace_seconds: float) -> None:
        """All pods at once, without draining."""
        self._closed = True
        await asyncio.gather(*(life.stop(grace_seconds) for life in list(self._lives.values())))
        self._tell_rolled()

    def statuses(self) -> Iterator[PodStatus]:
        """The oldest first."""
        return (life.pod.status for life in self._lives.values())

    @property
    def finished(self) -> bool:
        """Whether there is nothing left of it, nor will be."""
        return self._wanted is None and not self._lives

    def gone(self, pod: Pod) -> None:
        """Nothing of the pod is left."""
        self._lives.pop(pod.status.name, None)
        prune(self._host.logs, pod.status.workload, self._lives)
        self.poke()

    def poke(self) -> None:
        """Decides anew, soon and once, however many events there were."""
        if not self._poked and not self._closed:
            self._poked = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._poked = False
        if self._closed or not self._told:
            return
        wanted = self._wanted
        serving = [life.pod for life in self._lives.values() if not life.pod.status.draining]
        template_hash = wanted.template_hash if wanted else ""
        step = next_step(_count(wanted), [pod.candidate(template_hash) for pod in serving])
        for name in step.drain:
            self._lives[name].leave()
        if wanted is not None:
            for _ in range(step.start):
                self._start(wanted)
        if not any(pod.outdated and not pod.status.draining for pod in serving):
            self._tell_rolled()

    def _start(self, workload: Workload) -> None:
        name = self._name(workload)
        life = self._lives[name] = Life(Pod.fresh(self._host, workload, name, self._next_age()), workload)
        life.start()
        self._host.changed(life.pod)

    def _tell_rolled(self) -> None:
        for rolled in self._rolled:
            if not rolled.done():
                rolled.set_result(None)
        self._rolled.clear()

    def _next_age(self) -> int:
        self._age += 1
        return self._age

    def _name(self, workload: Workload) -> str:
        """As Kubernetes names pods, five letters behind the name, and never one that is in use."""
        while True:
            name = f"{workload.name}-" + "".join(secrets.choice(ALPHABET) for _ in range(5))
            if name not in self._lives:
                return name


def _count(workload: Workload | None) -> int:
    if workload is None:
        return 0
    return min(workload.replicas, 1) if workload.attach else workload.replicas
