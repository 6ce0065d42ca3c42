"""What a killed Turnout left running is stopped, without starting anything."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from turnout.apiserver.store import OBJECTS
from turnout.control.journal import EnvoyRecord, PodJournal
from turnout.control.state import StateDir
from turnout.control.strays import end_strays
from turnout.database import Records
from turnout.error import StateBroken
from turnout.process import Process
from turnout.workloads.launcher import Launcher


async def sweep(folder: Path) -> list[str]:
    """Ends Envoy and every pod, whether the journal knows them or not; returns what was found running."""
    state = StateDir(folder)
    if not state.path.is_dir():
        return []
    state.lock()
    try:
        stopped = [name async for name in _stop_known(state)]
        stopped += [f"pid {process.pid}" for process in await end_strays(state)]
        state.kubeconfig.unlink(missing_ok=True)
    finally:
        state.unlock()
    return stopped


async def _stop_known(state: StateDir) -> AsyncIterator[str]:
    if not (state.path / "state.db").exists():
        return
    try:
        database = state.database(OBJECTS)
    except StateBroken:  # what it would have told carries the mark of the state directory
        return
    try:
        async for name in _stop(state, Records(database)):
            yield name
    finally:
        database.close()


async def _stop(state: StateDir, records: Records) -> AsyncIterator[str]:
    envoy, journal = EnvoyRecord(records), PodJournal(records)
    identity, pods = envoy.load(), journal.load()
    process = Process.adopt(identity) if identity else None
    if process is not None:
        process.signal(signal.SIGKILL)  # nobody is there to drain it, and SIGTERM may make it dump core
        await process.stop(0.0)
        yield f"envoy (pid {process.pid})"
    launcher = Launcher(os.environ, state.ledger)
    running = [(record, pod) for record in pods if (pod := launcher.adopt(record))]
    await asyncio.gather(*(pod.stop(record.grace_seconds) for record, pod in running))
    for record, pod in running:
        yield f"{record.name} (pid {pod.pid})"
    with suppress(StateBroken):  # on a full disk the records stay; of processes that are gone they mean nothing
        envoy.clear()
        for record in pods:
            journal.remove(record.name)
