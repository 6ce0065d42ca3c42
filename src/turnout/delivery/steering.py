"""A rollout's routing as edits of VirtualServices, and which one is in force."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Versions:
    """What a rollout moves: a service by its full host, two of its subsets, one HTTP route by name or all."""

    host: str
    stable: str
    candidate: str
    route: str | None = None
