"""Builds: a shell command in the context's folder, once per state of its sources."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.error import TurnoutError
from turnout.process import Process
from turnout.workloads.logs import tail
from turnout.workloads.runtime import as_typed, end_signal
from turnout.workloads.workload import Workload

Slot = tuple[Path, str]
"""Folder and command: one build at a time may write there."""
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Build:
    source: str
    task: asyncio.Task[str]


class Builds:
    """Runs builds and remembers how the last one of each folder and command went, and for which sources."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._builds: dict[Slot, _Build] = {}
        self._at_once = asyncio.Semaphore(max(os.cpu_count() or 1, 2))

    async def built(self, workload: Workload, log: Path) -> str:
        """Until the workload is built: "" if all is well, else why not. Newer sources end a build that still runs."""
        if workload.build is None:
            return ""
        slot = (workload.cwd, workload.build)
        build = self._builds.get(slot)
        if build is None or build.source != workload.source:
            before = build.task if build else None
            task = asyncio.create_task(self._run(slot, log, before))
            build = self._builds[slot] = _Build(workload.source, task)
        return await asyncio.shield(build.task)

    def forget_failure(self, workload: Workload) -> None:
        """A failed build is tried again when it is asked for next; the user has said so."""
        slot = (workload.cwd, workload.build or "")
        build = self._builds.get(slot)
        if build is not None and build.task.done() and build.task.result():
            del self._builds[slot]

    async def stop(self) -> None:
        """Ends what still runs."""
        tasks = [build.task for build in self._builds.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, slot: Slot, log: Path, before: asyncio.Task[str] | None) -> str:
        try:
            if before is not None:
                before.cancel()
                await asyncio.wait([before])
            async with self._at_once:
                return await self._execute(slot, log)
        except asyncio.CancelledError:  # only newer sources and `stop` do that, and whoever waits must hear of it
            return "build given up: the sources have changed since"
        except (OSError, TurnoutError) as error:
            return f"build failed: {error}"

    async def _execute(self, slot: Slot, log: Path) -> str:
        folder, command = slot
        offset = _headline(log, as_typed(command))
        process = Process.spawn(("/bin/sh", "-c", command), cwd=folder, env=self._environment, log=log)
        try:
            status = await process.wait()
        finally:
            await asyncio.shield(process.stop(STOP_SECONDS, end_signal(command)))
        if status == 0:
            return ""
        words = tail(log, 1, since=offset)
        return f"build failed: `{as_typed(command)}` exited with status {status}" + "".join(
            f": {line}" for line in words
        )


def _headline(log: Path, command: str) -> int:
    """Says in the log what follows; the log's length then."""
    with log.open("ab") as file:
        file.write(f"$ {command}\n".encode())
        return file.tell()
