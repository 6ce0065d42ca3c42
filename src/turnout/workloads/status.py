"""What runs: a pod as others see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["pending", "building", "starting", "running", "draining", "crash-loop", "failed"]

UNDECLARED_PORT = 0
"""Key in `PodStatus.ports` for a Service's target port that the pod template does not declare."""


@dataclass(frozen=True, slots=True)
class PodStatus:
    """One pod: in service while `ready` and not `draining`."""

    name: str
    namespace: str
    workload: str
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"
    ports: Mapping[int, int] = field(default_factory=dict)
    """Container port to the port it really listens on; UNDECLARED_PORT if the template declares none."""
    pid: int | None = None
    container: str = ""
    """`podman://<id>`, as in Kubernetes; empty for a process."""
    phase: Phase = "pending"
    ready: bool = False
    draining: bool = False
    restarts: int = 0
    message: str = ""
    """Why it is not ready, in a sentence for the user; empty when all is well."""
    started_at: float | None = None
    """Seconds since the epoch at which the present process started."""
    template_hash: str = ""
