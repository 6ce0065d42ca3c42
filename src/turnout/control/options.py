"""What `turnout up` was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from turnout.compiler.tracing import DEFAULT_SAMPLING_PERCENT
from turnout.inputs.chart import PLAIN, Release
from turnout.workloads.runtime import Engine
from turnout.xds.otlp import Endpoint


@dataclass(frozen=True, slots=True)
class Options:
    """`state`: the state directory. `gateway_ports`: where a Gateway's port listens."""

    paths: Sequence[Path]
    state: Path
    gateway_ports: Mapping[int, int] = field(default_factory=dict)
    concurrency: int = 2
    api_port: int = 0
    dashboard_port: int | None = 0
    """None: there is none."""
    detached: bool = False
    """Nobody's terminal: that one is closed means nothing."""
    trace_sampling_percent: float = DEFAULT_SAMPLING_PERCENT
    collector: Endpoint | None = None
    """Where spans are sent on to."""
    release: Release = PLAIN
    """What charts are rendered for."""
    engine: Engine | None = None
    """What runs images, as containers; None: turnout.yaml says how they are processes."""
