"""A pod's program while it runs: a process group of this machine, or a container."""

from __future__ import annotations

from typing import Protocol

from turnout.process import Identity


class Running(Protocol):
    """What `Process` and `Container` have in common."""

    @property
    def identity(self) -> Identity:
        """Of the leader: a container's first process, as this machine numbers it."""

    @property
    def pid(self) -> int: ...

    async def wait(self) -> int | None:
        """Until it has ended: its exit status (negative: the signal), None if nobody can tell any more."""

    async def stop(self, grace_seconds: float) -> None:
        """SIGTERM, and SIGKILL after `grace_seconds`; then nothing of it is left. Also of one that ended by itself."""
