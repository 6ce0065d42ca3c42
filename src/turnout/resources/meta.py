"""What every object carries: apiVersion, kind, metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of ObjectMeta that Turnout reads; the rest is kept in the raw object."""

    name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    creation_timestamp: str = ""
    generation: int = 0
