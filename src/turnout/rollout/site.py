"""Whom the engine works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.client import Client
from turnout.evidence.question import Source
from turnout.rollout.history import History
from turnout.rollout.intent import Hook


@dataclass(frozen=True, slots=True)
class Site:
    """For the thread that opened the history's database.

    `tell` hands an event to hooks, at once: what becomes of it is reported elsewhere. `clock`: unix seconds.
    """

    client: Client
    source: Source
    history: History
    tell: Callable[[Sequence[Hook], Mapping[str, Any]], None]
    clock: Callable[[], float]
