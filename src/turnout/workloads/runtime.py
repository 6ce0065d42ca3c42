"""`--runtime podman`: how a Deployment's image becomes a container, and whose it is. Pure."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Engine = Literal["podman", "docker"]
Network = Literal["own", "host"]
ENGINES: Final[tuple[Engine, ...]] = ("podman", "docker")
OWNER_LABEL: Final = "turnout.owner"
POD_LABEL: Final = "turnout.pod"
IMAGE_LABEL: Final = "turnout.image"
"""On what a build has led to, and not on its stages: those are kept, as the next build's cache."""
LOOPBACK: Final[Mapping[Network, str]] = {"host": "127.0.0.1", "own": "10.0.2.2"}
"""Where a container finds this machine's loopback. Source: slirp4netns(1), "allow_host_loopback"."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The program that runs containers for one instance.

    `owner` is on all that it makes, and tells instances of one machine apart. `ulimits` (`nofile=20000:20000`) are
    those that containers are given: podman's own may be higher than this machine lets it set. `network`: whether each
    container has one of its own, as a pod has on Kubernetes, or they share this machine's.
    """

    engine: Engine
    owner: str
    ulimits: tuple[str, ...] = ()
    network: Network = "host"

    @property
    def label(self) -> str:
        return f"{OWNER_LABEL}={self.owner}"

    @property
    def limits(self) -> tuple[str, ...]:
        """The ulimits as words of a command."""
        return tuple(word for limit in self.ulimits for word in ("--ulimit", limit))

    def image_name(self, image: str) -> str:
        """What an image of this name is called that is built here, so that nobody's own of that name is touched."""
        return f"localhost/turnout-{self.owner}/{re.sub(r'[^a-z0-9./_-]+', '-', image.lower())}:latest"

    def build(self, image: str, dockerfile: Path) -> str:
        """A shell command, for the folder that is the build's context.

        Each stage is labelled, not only the result: what earlier stages leave behind must be found, and removed, too.
        Images of earlier versions are removed, unless a container still runs: at most two are kept.
        """
        result = f"{IMAGE_LABEL}={self.owner}"
        prune = shlex.join([self.engine, "image", "prune", "--force", "--filter", f"label={result}"])
        labelled = f"sed {shlex.quote(f'/^[[:space:]]*FROM[[:space:]]/Ia LABEL {self.label}')} {_quoted(dockerfile)}"
        words = [self.engine, "build", *self.limits, "--network", "host", "--label", result]
        words += ["--tag", self.image_name(image), "--file", "-", "."]
        return f"{prune} >/dev/null; {labelled} | {shlex.join(words)}"


def as_typed(command: str) -> str:
    """A build's command without what only Turnout needs: how a user would begin to look for what is wrong."""
    labelled, pipe, engine = command.partition(" | ")
    return engine if pipe and OWNER_LABEL in labelled else command


def end_signal(command: str) -> signal.Signals:
    """What ends a build's command. An engine's gets SIGHUP.

    Found with podman 4.3: it hands that on to the step that runs, and tidies up; SIGTERM or SIGINT ends podman alone.
    """
    return signal.SIGTERM if as_typed(command) == command else signal.SIGHUP


@dataclass(frozen=True, slots=True)
class ContainerTemplate:
    """What a workload's containers are made from. `command` and `args` as in Kubernetes: empty means the image's."""

    runtime: Runtime
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    network: Network = "host"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
