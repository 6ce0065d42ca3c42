"""Whom the engine works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from turnout.client import Client
from turnout.delivery.steering import Versions
from turnout.delivery.users import Users
from turnout.evidence.question import Source
from turnout.rollout.history import History
from turnout.rollout.intent import Hook


class Count(Protocol):
    """Who met which version of a sticky split, from the first question on; `name` tells rollouts apart.

    `until`: who came later (unix seconds) does not count.
    """

    def __call__(self, name: str, versions: Versions, until: float | None = None) -> Users: ...


@dataclass(frozen=True, slots=True)
class Site:
    """For the thread that opened the history's database.

    `tell` hands an event to hooks, at once: what becomes of it is reported elsewhere. `clock`: unix seconds.
    """

    client: Client
    source: Source
    history: History
    tell: Callable[[Sequence[Hook], Mapping[str, Any]], None]
    users: Count
    clock: Callable[[], float]
