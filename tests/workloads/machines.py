"""A machine with nothing on it, and programs small enough to start in milliseconds."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from turnout.process import listening_ports
from turnout.resources.core import ContainerPort
from turnout.workloads.engine import Workloads
from turnout.workloads.journal import PodRecord
from turnout.workloads.status import PodStatus
from turnout.workloads.workload import Workload

SERVER = """
import os, signal, socket, sys
s = socket.create_server(("127.0.0.1", int(os.environ.get("FIXED_PORT") or os.environ["PORT"])))
print("up", flush=True)
while True:
    c, _ = s.accept()
    c.recv(65536)
    ill = os.path.exists(os.environ.get("ILL", "/nonexistent"))
    c.sendall(b"HTTP/1.1 %d x\\r\\ncontent-length: 2\\r\\n\\r\\nok" % (500 if ill else 200))
    c.close()
"""
"""Answers on PORT; with 500 as long as the file that ILL names is there."""


class MemoryJournal:
    """As durable as the test."""

    def __init__(self) -> None:
        self.records: dict[str, PodRecord] = {}

    def save(self, record: PodRecord) -> None:
        self.records[record.name] = PodRecord.from_json(record.to_json())

    def remove(self, name: str) -> None:
        self.records.pop(name, None)

    def load(self) -> list[PodRecord]:
        return list(self.records.values())


class FakeMesh:
    """Settles at once unless `open` is cleared; `active` says how many requests an address has."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.active: dict[str, int] = {}
        self.asked: list[str] = []

    async def settled(self) -> None:
        await self.open.wait()

    async def active_requests(self, address: str) -> int:
        self.asked.append(address)
        return self.active.get(address, 0)


class Machine:
    """Workloads on a fake mesh, and a way to wait for what becomes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mesh = FakeMesh()
        self.journal = MemoryJournal()
        self.history: list[tuple[PodStatus, ...]] = []
        self._changed = asyncio.Event()
        self.workloads = self.another()
        (folder / "server.py").write_text(SERVER)

    def another(self) -> Workloads:
        return Workloads(
            journal=self.journal, logs=self.folder / "logs", mesh=self.mesh, changed=self._note, environment=os.environ
        )

    def _note(self) -> None:
        self.history.append(self.workloads.pods())
        self._changed.set()

    def server(self, name: str = "app", **changes: Any) -> Workload:
        workload = Workload(
            namespace="default",
            name=name,
            run=(sys.executable, "-S", "server.py"),
            cwd=self.folder,
            ports=(ContainerPort(8080, "http"),),
            grace_seconds=5.0,
        )
        return replace(workload, **changes)

    def script(self, text: str, **changes: Any) -> Workload:
        return self.server(run=(sys.executable, "-S", "-c", text), **changes)

    async def until(
        self, condition: Callable[[tuple[PodStatus, ...]], object], within_seconds: float = 15.0
    ) -> tuple[PodStatus, ...]:
        """The pods, as soon as the condition holds for them."""
        try:
            async with asyncio.timeout(within_seconds):
                while not condition(self.workloads.pods()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"never so; last: {self.workloads.pods()}") from None
        return self.workloads.pods()

    async def all_ready(self, count: int) -> tuple[PodStatus, ...]:
        return await self.until(lambda pods: len(pods) == count and all(p.ready and not p.draining for p in pods))

    async def one(self, condition: Callable[[PodStatus], object]) -> PodStatus:
        pods = await self.until(lambda pods: any(condition(pod) for pod in pods))
        return next(pod for pod in pods if condition(pod))

    def ports_of(self, pod: PodStatus) -> set[int]:
        return listening_ports(pod.pid or 0)
