"""Whom the engine works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from turnout.client import Client
from turnout.delivery.steering import Versions
from turnout.delivery.users import Users
from turnout.evidence.question import Source
from turnout.rollout.intent import Hook
from turnout.rollout.shelf import Objects, Shelf


class Count(Protocol):
    """Who met which version of a sticky split, from the first question on; `name` tells rollouts apart.

    `until`: who came later (unix seconds) does not count.
    """

    def __call__(self, name: str, versions: Versions, until: float | None = None) -> Users: ...


class History(Protocol):
    """What became of rollouts, each known by namespace and name."""

    def tell(self, namespace: str, name: str, event: Mapping[str, Any]) -> None:
        """`event`: `at` (unix seconds), `what`, `step`, `text`, `verdicts`, `detail`."""

    def look(self, namespace: str, name: str, look: Mapping[str, Any]) -> None:
        """`look`: `at`, `step`, `verdicts` with their intervals."""

    def forget_looks(self, namespace: str, name: str) -> None:
        """Another rollout of this name begins."""


@dataclass(frozen=True, slots=True)
class Site:
    """For the thread that opened the history's database.

    `tell` hands an event to hooks, at once: what becomes of it is reported elsewhere. `clock`: unix seconds.
    `instance`: asks an instance of Turnout for what only that knows; None on a cluster. `namespace`: whose Rollouts;
    empty: of all. `shelf`: where they are kept, unless that is as objects.
    """

    client: Client
    source: Source
    history: History
    tell: Callable[[Sequence[Hook], Mapping[str, Any]], None]
    users: Count
    clock: Callable[[], float]
    instance: Client | None
    namespace: str = ""
    shelf: Shelf | None = None

    @property
    def rollouts(self) -> Shelf:
        return self.shelf or Objects(self.client)
