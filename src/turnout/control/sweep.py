"""What a killed Turnout left running is stopped, without starting anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from turnout.apiserver.store import OBJECTS
from turnout.control.journal import EnvoyRecord, PodJournal
from turnout.control.state import StateDir
from turnout.database import Records
from turnout.process import Process


async def sweep(folder: Path) -> list[str]:
    """Ends Envoy and every pod that the journal knows; returns what was found running."""
    state = StateDir(folder)
    if not (state.path / "state.db").exists():
        return []
    state.lock()
    database = state.database(OBJECTS)
    try:
        records = Records(database)
        stopped = [name async for name in _stop(records)]
        state.kubeconfig.unlink(missing_ok=True)
    finally:
        database.close()
        state.unlock()
    return stopped


async def _stop(records: Records) -> AsyncIterator[str]:
    envoy = EnvoyRecord(records)
    identity = envoy.load()
    process = Process.adopt(identity) if identity else None
    if process is not None:
        await process.stop(1.0)
        yield f"envoy (pid {process.pid})"
    envoy.clear()
    journal = PodJournal(records)
    found = [(record, Process.adopt(record.identity)) for record in journal.load()]
    running = [(record, process) for record, process in found if process is not None]
    await asyncio.gather(*(process.stop(record.grace_seconds) for record, process in running))
    for record, _ in found:
        journal.remove(record.name)
    for record, process in running:
        yield f"{record.name} (pid {process.pid})"
