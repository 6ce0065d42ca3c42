"""Programs of a state directory that no record tells of: daemons, or what a killed Turnout had no time to note."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from turnout.control.state import StateDir
from turnout.process import Process, carries, carrying
from turnout.workloads.environment import POD

OWNER = "TURNOUT_OWNER"
"""In the environment of all that an instance starts: its state directory."""
GRACE_SECONDS = 3.0


def mark(state: StateDir) -> dict[str, str]:
    """What every program of this state directory is started with."""
    return {OWNER: str(state.path)}


async def end_strays(state: StateDir, known: Collection[int] = (), pods: Collection[str] = ()) -> list[Process]:
    """Ends what carries the mark, but for programs led by a `known` pid or belonging to one of the `pods`."""
    found = await asyncio.to_thread(carrying, OWNER, str(state.path))
    await state.ledger.end_strays(pods)
    strays = [process for process in found if process.pid not in known and not _belongs(process, pods)]
    await asyncio.gather(*(process.stop(GRACE_SECONDS) for process in strays))
    return strays


def _belongs(process: Process, pods: Collection[str]) -> bool:
    return any(carries(member, POD, pod) for member in process.members() for pod in pods)
