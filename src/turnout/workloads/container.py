"""One container while it runs: known by its id, watched through its first process."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from turnout.error import ContainersFailed
from turnout.process import Identity, Process
from turnout.workloads.container_cli import ContainerCli
from turnout.workloads.runtime import Engine

STATUS_SECONDS = 10.0


class Container:
    """A container of ours, just started or adopted. Its first process is one of this machine: no polling is needed."""

    def __init__(self, cli: ContainerCli, container_id: str, process: Process) -> None:
        self.id = container_id
        self._cli = cli
        self._process = process

    @property
    def engine(self) -> Engine:
        return self._cli.engine

    @property
    def identity(self) -> Identity:
        return self._process.identity

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def reference(self) -> str:
        """As Kubernetes writes it: `podman://<id>`."""
        return f"{self.engine}://{self.id}"

    @property
    def inside(self) -> tuple[str, ...]:
        """What stands before a command that is to run in it."""
        return (self._cli.engine, "exec", self.id)

    async def wait(self) -> int | None:
        """Until it has ended; its exit status, as a process has it."""
        await self._process.wait()
        try:
            status = int(await self._cli("wait", self.id, within_seconds=STATUS_SECONDS))
        except (ContainersFailed, ValueError):  # removed meanwhile
            return None
        known = status - 128 in {number.value for number in signal.Signals}
        return 128 - status if known else status

    async def stop(self, grace_seconds: float) -> None:
        """Its image's stop signal (SIGTERM if it has none), SIGKILL after `grace_seconds`, and it is removed."""
        if grace_seconds > 0 and self._process.running():
            with suppress(ContainersFailed):  # it ended by itself, or cannot be asked: what follows does not ask
                await self._cli("kill", "--signal", await self._stop_signal(), self.id)
                await self._ended(grace_seconds)
        await remove(self._cli, self.id)
        if self._process.running():  # an engine that is gone, or refuses, must not keep it alive
            await self._process.stop(0.0)

    async def _stop_signal(self) -> str:
        """Podman says a number, Docker a name or nothing."""
        said = await self._cli("inspect", "--type", "container", "--format", "{{.Config.StopSignal}}", self.id)
        return said if said not in ("", "0") else "SIGTERM"

    async def _ended(self, within_seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._process.wait()


async def remove(cli: ContainerCli, *containers: str) -> None:
    """Whatever state they are in; one that does not exist is fine."""
    at_once = ("--time", "0") if cli.engine == "podman" else ()  # podman would ask politely, for ten seconds
    with suppress(ContainersFailed):
        await cli("rm", "--force", "--volumes", *at_once, *containers)
