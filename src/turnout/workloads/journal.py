"""What must outlive Turnout's own SIGKILL: which process is which pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from turnout.process import Identity
from turnout.workloads.runtime import Engine


@dataclass(frozen=True, slots=True)
class PodRecord:
    """A pod with a process, as the journal keeps it."""

    name: str
    namespace: str
    workload: str
    template_hash: str
    pid: int
    started: float
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, int] = field(default_factory=dict)
    ready: bool = False
    """Adopted as such: Envoy still sends it traffic, and a restarted Turnout must not take that away."""
    draining: bool = False
    restarts: int = 0
    started_at: float = 0.0
    grace_seconds: float = 30.0
    engine: Engine | Literal[""] = ""
    """Of a container: what runs it."""
    container: str = ""
    """Its id; `pid` is that of its first process."""

    @property
    def identity(self) -> Identity:
        return Identity(self.pid, self.started)

    def to_json(self) -> dict[str, Any]:
        """JSON's objects have only strings as keys; `from_json` makes numbers of the ports again."""
        ports = {str(port): actual for port, actual in self.ports.items()}
        return asdict(self) | {"labels": dict(self.labels), "ports": ports}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PodRecord:
        ports = {int(port): int(actual) for port, actual in data["ports"].items()}
        return cls(**{**data, "ports": ports})


class Journal(Protocol):
    """Where the records are kept; each call is durable before it returns."""

    def save(self, record: PodRecord) -> None: ...

    def remove(self, name: str) -> None: ...

    def load(self) -> list[PodRecord]: ...
