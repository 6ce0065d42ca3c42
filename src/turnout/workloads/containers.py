"""All containers and images that one instance has with one engine."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from turnout.error import ContainersFailed
from turnout.process import Identity, Process
from turnout.workloads.container import Container, remove
from turnout.workloads.container_cli import ABORT_SECONDS, ContainerCli, refusal
from turnout.workloads.environment import container_variables
from turnout.workloads.expansion import expand
from turnout.workloads.logs import size, tail
from turnout.workloads.runtime import LOOPBACK, OWNER_LABEL, POD_LABEL, ContainerTemplate, Engine
from turnout.workloads.workload import Workload

TOLD_LINES = 20
PULL_SECONDS = 600.0
AT_ONCE = 8
"""Starts at a time: each is a program of some 50 MB while it lasts."""


class Containers:
    """Started, found again, and removed.

    One with a network of its own listens on the ports that its Deployment declares, and is reached through those of the
    pod; one that shares this machine's listens on the pod's, as a process does.

    What one prints goes to its pod's log by itself with podman, and through `docker logs` with docker, which ends with
    the container: so both go on while Turnout does not run.
    """

    def __init__(self, engine: Engine, owner: str, environment: Mapping[str, str]) -> None:
        self._owner = owner
        self._environment = environment
        self._cli = ContainerCli(engine, environment)
        self._at_once = asyncio.Semaphore(AT_ONCE)

    # --- one pod's

    async def start(self, workload: Workload, pod: str, ports: Mapping[int, int], log: Path) -> Container:
        """The container of a pod. Raises TurnoutError; then, and when it is cancelled, nothing is left of it."""
        async with self._at_once:
            offset = size(log)
            try:
                await self._create(workload, pod, ports, log)
                return await self._found(self._name(pod), log, offset)
            except BaseException:
                await asyncio.shield(remove(self._cli, self._name(pod)))
                raise

    def adopt(self, container_id: str, identity: Identity) -> Container | None:
        """One that an earlier Turnout started; None if it has ended."""
        process = Process.adopt(identity)
        return Container(self._cli, container_id, process) if process else None

    async def bury(self, container_id: str) -> None:
        """What is left of one that ended while nobody watched."""
        await remove(self._cli, container_id)

    # --- all of them

    async def end_strays(self, pods: Collection[str]) -> list[str]:
        """Removes containers of this instance that belong to none of the `pods`; the names of theirs."""
        line = f'{{{{.ID}}}}\t{{{{index .Labels "{POD_LABEL}"}}}}'
        if self._cli.engine == "docker":
            line = f'{{{{.ID}}}}\t{{{{.Label "{POD_LABEL}"}}}}'
        listed = await self._cli("ps", "--all", "--filter", f"label={OWNER_LABEL}={self._owner}", "--format", line)
        found = [line.partition("\t") for line in listed.splitlines()]
        strays = {container: pod for container, _, pod in found if pod not in pods}
        if strays:
            await remove(self._cli, *strays)
        return list(strays.values())

    async def remove_images(self) -> None:
        """All that were built here, those of earlier stages and of earlier versions too."""
        label = f"label={OWNER_LABEL}={self._owner}"
        images = (await self._cli("images", "--all", "--quiet", "--filter", label)).split()
        if images:
            with suppress(ContainersFailed):  # the one below goes with the one above, and is then not found
                await self._cli("rmi", "--force", *dict.fromkeys(images))

    # ---

    def _name(self, pod: str) -> str:
        return f"turnout-{self._owner}-{pod}"

    async def _create(self, workload: Workload, pod: str, ports: Mapping[int, int], log: Path) -> None:
        template = workload.container
        assert template is not None
        own = template.network == "own"
        known = container_variables(workload, pod, {port: port for port in ports} if own else ports)
        try:
            with environment_file(known) as (file, inherited):
                words = [*self._options(pod, template), *_network(own, ports), "--env-file", str(file)]
                words += [word for variable in inherited for word in ("--env", variable)]
                await self._run([*words, *_program(template, known)], inherited, log)
        except OSError as error:
            raise ContainersFailed(f"its variables cannot be written down: {error.strerror}") from error

    def _options(self, pod: str, template: ContainerTemplate) -> list[str]:
        runtime = template.runtime
        words = ["run", "--detach", "--name", self._name(pod), *runtime.limits]
        words += ["--label", runtime.label, "--label", f"{POD_LABEL}={pod}"]
        if runtime.engine == "podman":  # it would also hand on our own proxy, which is not the mesh's
            words += ["--log-driver", "passthrough", "--http-proxy=false"]
        if template.working_dir:
            words += ["--workdir", template.working_dir]
        if template.command:
            words += ["--entrypoint", template.command[0]]
        return words

    async def _run(self, words: list[str], inherited: Mapping[str, str], log: Path) -> None:
        environment = {**self._environment, **inherited}
        if self._cli.engine == "docker":
            container = await ContainerCli("docker", environment)(*words, within_seconds=PULL_SECONDS)
            follow = ("docker", "logs", "--follow", container)
            Process.spawn(follow, cwd=Path("/"), env=self._environment, log=log)
            return
        offset = size(log)
        _share(log)
        process = Process.spawn((self._cli.engine, *words), cwd=Path("/"), env=environment, log=log)
        try:
            status = await process.wait()
        except asyncio.CancelledError:
            await asyncio.shield(process.stop(ABORT_SECONDS))
            raise
        if status:
            raise refusal(self._cli.engine, "\n".join(tail(log, TOLD_LINES, since=offset)))

    async def _found(self, name: str, log: Path, offset: int) -> Container:
        """Raises ContainersFailed for one that has ended already, with what it has said last."""
        asked = "{{.Id}} {{.State.Pid}} {{.State.ExitCode}}"
        container, pid, status = (await self._cli("inspect", "--type", "container", "--format", asked, name)).split()
        process = Process.of(int(pid)) if int(pid) else None
        if process is None:
            words = "".join(f": {line}" for line in tail(log, 1, since=offset))
            raise ContainersFailed(f"exited with status {status} at once{words}")
        return Container(self._cli, container, process)


def _network(own: bool, ports: Mapping[int, int]) -> list[str]:
    if not own:
        return ["--network", "host"]
    published = [("--publish", f"{LOOPBACK['host']}:{outside}:{inside}") for inside, outside in ports.items()]
    return ["--network", "slirp4netns:allow_host_loopback=true", *(word for pair in published for word in pair)]


def _program(template: ContainerTemplate, known: Mapping[str, str]) -> list[str]:
    """The image, and what follows its ENTRYPOINT or stands in for it."""
    words = [*template.command[1:], *template.args]
    return [template.image, *(expand(word, known) for word in words)]


def _share(log: Path) -> None:
    """Lets the group write. The engine gives the log to the image's user: we could not cut it any more, without root.

    The folder lets nobody else in. Source: runc, fixStdioPermissions.
    """
    with suppress(OSError):  # it has been given away already, with this mode
        log.touch()
        log.chmod(0o660)


@contextmanager
def environment_file(variables: Mapping[str, str]) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Values on a command line could be read by everybody: a file, for its owner alone, and gone when it was read.

    Such a file has no way to write a value of several lines: those are handed on by the engine's own environment.
    """
    inherited = {name: value for name, value in variables.items() if "\n" in value or "\r" in value}
    lines = "".join(f"{name}={value}\n" for name, value in variables.items() if name not in inherited)
    descriptor, name = tempfile.mkstemp(prefix="turnout-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(lines)
        yield Path(name), inherited
    finally:
        Path(name).unlink(missing_ok=True)
