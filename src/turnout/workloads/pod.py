"""One pod as it is now: its status, the process behind it, and its line in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from turnout.error import TurnoutError
from turnout.workloads.builds import Builds
from turnout.workloads.container import Container
from turnout.workloads.draining import MeshView
from turnout.workloads.journal import Journal, PodRecord
from turnout.workloads.launcher import Launcher
from turnout.workloads.logs import path_of
from turnout.workloads.ports import Ports
from turnout.workloads.rolling import Candidate
from turnout.workloads.running import Running
from turnout.workloads.status import PodStatus
from turnout.workloads.workload import Workload


@dataclass(frozen=True, slots=True)
class Host:
    """The machine that pods run on, and whom they tell."""

    journal: Journal
    logs: Path
    mesh: MeshView
    ports: Ports
    builds: Builds
    launcher: Launcher
    outer: Mapping[str, str]
    """Turnout's own environment, which processes inherit."""
    changed: Callable[[Pod], None]
    """The pod's status is another one."""
    available: Callable[[Pod], None]
    """Envoy knows by now that the pod is ready."""
    gone: Callable[[Pod], None]
    """Nothing of it is left."""


class Pod:
    """`status` is a value: replaced through `show`, which tells the journal and the host."""

    def __init__(self, host: Host, status: PodStatus, age: int, grace_seconds: float) -> None:
        self.host = host
        self.status = status
        self.age = age
        """Younger pods have higher ones."""
        self.grace_seconds = grace_seconds
        self.process: Running | None = None
        self.available = False
        self.outdated = False
        """To be replaced although its template is the current one: somebody asked for a restart."""
        self.served = False
        """Its process has been in service: requests may be in flight even if it is not ready now."""
        self._record: PodRecord | None = None
        self._settling: asyncio.Task[None] | None = None

    @classmethod
    def fresh(cls, host: Host, workload: Workload, name: str, age: int) -> Pod:
        """A pod that has nothing yet."""
        status = PodStatus(
            name, workload.namespace, workload.name, dict(workload.labels), template_hash=workload.template_hash
        )
        return cls(host, status, age, workload.grace_seconds)

    @classmethod
    def adopted(cls, host: Host, record: PodRecord, process: Running, age: int) -> Pod:
        """One that an earlier Turnout started; in service at once if it was, as Envoy still sends it traffic."""
        status = PodStatus(
            name=record.name,
            namespace=record.namespace,
            workload=record.workload,
            labels=record.labels,
            ports=record.ports,
            pid=record.pid,
            container=f"{record.engine}://{record.container}" if record.engine else "",
            phase="running" if record.ready else "starting",
            ready=record.ready,
            restarts=record.restarts,
            started_at=record.started_at,
            template_hash=record.template_hash,
        )
        pod = cls(host, status, age, record.grace_seconds)
        pod.process, pod.available, pod.served, pod._record = process, record.ready, True, record
        for port in record.ports.values():
            host.ports.keep(port)
        return pod

    @property
    def log(self) -> Path:
        return path_of(self.host.logs, self.status.name)

    @property
    def addresses(self) -> list[str]:
        """Each `ip:port` at which it can be reached."""
        host = f"[{self.status.address}]" if ":" in self.status.address else self.status.address
        return sorted({f"{host}:{port}" for port in self.status.ports.values()})

    def candidate(self, template_hash: str) -> Candidate:
        """As the rolling restart sees it, if `template_hash` is wanted."""
        current = self.status.template_hash == template_hash and not self.outdated
        status = self.status
        return Candidate(status.name, self.age, current, status.ready, self.available, status.phase == "failed")

    def show(self, **changes: Any) -> None:
        """Fields of PodStatus that are different from now on."""
        before, self.status = self.status, replace(self.status, **changes)
        if self.status == before:
            return
        self.served = self.status.ready or (self.served and self.status.pid is not None)
        self._remember()
        if self.status.ready != before.ready:
            self._settle()
        self.host.changed(self)

    def end(self) -> None:
        """Nothing of it is left: no process, no port, no record."""
        ports, self.process = self.status.ports, None
        self.show(ready=False, pid=None, container="", ports={})
        for port in ports.values():
            self.host.ports.give_back(port)
        self.host.gone(self)

    def _remember(self) -> None:
        record = self._as_record()
        if record == self._record:
            return
        try:
            if record is not None:
                self.host.journal.save(record)
            else:
                self.host.journal.remove(self.status.name)
        except TurnoutError:  # a full disk: whoever else writes there says so; the next change tries again
            return
        self._record = record

    def _as_record(self) -> PodRecord | None:
        process, status = self.process, self.status
        if process is None or status.pid is None:
            return None
        return PodRecord(
            name=status.name,
            namespace=status.namespace,
            workload=status.workload,
            template_hash=status.template_hash,
            pid=process.pid,
            started=process.identity.started,
            labels=status.labels,
            ports=status.ports,
            ready=status.ready,
            draining=status.draining,
            restarts=status.restarts,
            started_at=status.started_at or 0.0,
            grace_seconds=self.grace_seconds,
            engine=process.engine if isinstance(process, Container) else "",
            container=process.id if isinstance(process, Container) else "",
        )

    def _settle(self) -> None:
        """Ready is not yet available: Envoy has to know first."""
        self.available = False
        if self._settling is not None:
            self._settling.cancel()
        self._settling = asyncio.create_task(self._become_available()) if self.status.ready else None

    async def _become_available(self) -> None:
        await self.host.mesh.settled()
        self.available = True
        self.host.available(self)
