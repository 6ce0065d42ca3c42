"""What to run: one Deployment, everything resolved but what differs from pod to pod."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from turnout.resources.core import ContainerPort, Probe
from turnout.workloads.runtime import ContainerTemplate


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment, as processes: `run` once per replica in `cwd`; as containers; or `attach`ed to what already runs.

    Values of `env` and words of `run` may refer to `$(NAME)`: PORT, TURNOUT_POD and the variables before them are
    known only when a pod starts (`environment`). The first of `ports` is the one that becomes PORT.
    """

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Those of the pod template: subsets select by them."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 1
    run: tuple[str, ...] | None = None
    cwd: Path = Path()
    build: str | None = None
    attach: str | None = None
    """`host:port`."""
    container: ContainerTemplate | None = None
    """It is run instead of `run`; `cwd` and `build` are how its image is made."""
    env: tuple[tuple[str, str], ...] = ()
    services: tuple[tuple[str, str], ...] = ()
    """Variables that come before those of `env`. A pod that runs keeps those it was started with."""
    ports: tuple[ContainerPort, ...] = ()
    readiness: Probe | None = None
    liveness: Probe | None = None
    startup: Probe | None = None
    grace_seconds: float = 30.0
    source: str = ""
    """Hash of the watched sources: a saved file makes a new version."""
    fault: str = ""
    """Why it cannot be started at all. A version with a fault never becomes ready, so the one before it stays."""

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name

    @property
    def template_hash(self) -> str:
        """Equal for pods that need not be replaced: covers everything but `replicas` and `services`.

        Stable from run to run.
        """
        template = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("replicas", "services")}
        text = json.dumps(template, sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, ContainerPort | Probe | ContainerTemplate):
        return asdict(value)
    return dict(value) if isinstance(value, Mapping) else str(value)
