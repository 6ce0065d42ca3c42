"""podman and docker, as programs: asked, and understood when they refuse."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from turnout.error import ContainersFailed
from turnout.workloads.runtime import Engine, Network, Runtime

ANSWER_SECONDS: Final = 30.0
ABORT_SECONDS = 10.0
"""How long a program has that is told to end. Podman then finishes what must not be half done, such as a start: killed
in the middle of one, it would leave a process that nobody knows to be its."""
OPEN_FILES = 1_048_576
PROCESSES = 32_768
"""More is seldom asked for, and podman lowers its own limit to this: it could not give a container more."""

INSTALL: Final[Mapping[Engine, str]] = {
    "podman": "on Debian and Ubuntu: apt-get install podman runc slirp4netns",
    "docker": "see https://docs.docker.com/engine/install",
}
_ABOUT: Final[Mapping[Engine, str]] = {
    "podman": "{{.Host.Kernel}}\t{{.Host.ServiceIsRemote}}",
    "docker": "{{.KernelVersion}}\t{{.OperatingSystem}}",
}
_HINTS: Final = (
    ("default OCI runtime", "podman needs one: apt-get install runc, or crun"),
    ("working conmon", "podman needs it: apt-get install conmon"),
    ("error setting rlimit", "this machine does not let containers have such ulimits; see docs/containers.md"),
    ("short-name", "write the image's name with its registry, as docker.io/library/redis:7"),
    ("newuidmap", "without root podman needs newuidmap: apt-get install uidmap"),
    ("Cannot connect to the Docker daemon", "is the docker daemon running, and may you use it?"),
    ("cgroup", "see docs/containers.md on machines without systemd"),
    ("pinging container registry", "the image is not here, and its registry cannot be reached: build or load it first"),
    ("invoke a command", "the image has no such program: see `command` in the Deployment, and the image's ENTRYPOINT"),
)


@dataclass(frozen=True, slots=True)
class ContainerCli:
    """One engine's command line. `environment` is what its program is run with."""

    engine: Engine
    environment: Mapping[str, str]

    async def __call__(self, *words: str, within_seconds: float = ANSWER_SECONDS) -> str:
        """What it prints. Raises ContainersFailed; one that is cancelled ends its program."""
        try:
            process = await asyncio.create_subprocess_exec(
                self.engine,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=dict(self.environment),
                start_new_session=True,
            )
        except OSError as error:
            raise ContainersFailed(f"{self.engine} cannot be run: {error.strerror}", INSTALL[self.engine]) from error
        try:
            async with asyncio.timeout(within_seconds):
                out, err = await process.communicate()
        except TimeoutError as error:
            raise ContainersFailed(f"`{self.engine} {words[0]}` has not ended in {within_seconds:.0f} s") from error
        finally:
            if process.returncode is None:
                await asyncio.shield(_end(process))
        if process.returncode:
            raise refusal(self.engine, err.decode(errors="replace"))
        return out.decode(errors="replace").strip()


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(ABORT_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def refusal(engine: Engine, said: str) -> ContainersFailed:
    """What the engine's last line says, and what may help."""
    lines = [line for line in said.splitlines() if line.strip()]
    message = lines[-1].strip().removeprefix("Error: ") if lines else "it does not say why"
    hint = next((hint for words, hint in _HINTS if words.lower() in said.lower()), None)
    return ContainersFailed(f"{engine}: {message}", hint)


async def require(engine: Engine, environment: Mapping[str, str]) -> None:
    """Raises ContainersFailed, with what is missing, where containers cannot be Turnout's pods."""
    if shutil.which(engine, path=environment.get("PATH")) is None:
        raise ContainersFailed(f"--runtime {engine}: {engine} is not installed", INSTALL[engine])
    about = await ContainerCli(engine, environment)("info", "--format", _ABOUT[engine])
    kernel, _, where = about.partition("\t")
    if kernel != platform.release() or where in ("true", "Docker Desktop"):
        raise ContainersFailed(
            f"--runtime {engine}: its containers run in another machine ({where or kernel}), out of Envoy's reach",
            "it has to run on this Linux itself: containers share this machine's loopback address",
        )


def ulimits(engine: Engine) -> tuple[str, ...]:
    """What containers may be given here. Docker's daemon knows by itself; podman asks for more than it may have.

    Found with podman 4.3: without CAP_SYS_RESOURCE runc refuses limits above those of the caller.
    """
    if engine != "podman":
        return ()
    files, processes = resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC
    return f"nofile={_at_most(files, OPEN_FILES)}", f"nproc={_at_most(processes, PROCESSES)}"


def network(engine: Engine, environment: Mapping[str, str]) -> Network:
    """Whether containers can have a network of their own, and still reach Envoy on this machine's loopback.

    Only slirp4netns leads there: from a bridge, Docker's too, loopback is out of reach, and Envoy listens nowhere else.
    """
    found = shutil.which("slirp4netns", path=environment.get("PATH"))
    return "own" if engine == "podman" and found and os.access("/dev/net/tun", os.R_OK | os.W_OK) else "host"


def _at_most(limit: int, most: int) -> str:
    hard = resource.getrlimit(limit)[1]
    value = most if hard == resource.RLIM_INFINITY else min(hard, most)
    return f"{value}:{value}"


def runtime_here(engine: Engine, owner: str, environment: Mapping[str, str]) -> Runtime:
    """The engine, with what this machine lets it do."""
    return Runtime(engine, owner, ulimits(engine), network(engine, environment))


def outer_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What engines are run with. Not the mark of our own programs: an engine's helpers are not ours to end."""
    found = dict(os.environ if environment is None else environment)
    return {name: value for name, value in found.items() if not name.startswith("TURNOUT_")}
