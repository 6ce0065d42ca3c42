"""What is asked of a service's counters: which versions, which of their requests, and what counts as bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from turnout.delivery.evidence import Buckets, Evidence
from turnout.delivery.guard import Guard
from turnout.delivery.steering import Versions


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL of two counters; `$version`, `$subset`, `$service` and `$namespace` are still in it.

    `prometheus`: where to ask; empty: of Turnout's own metrics.
    """

    bad: str
    total: str
    prometheus: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One guard. `codes`: what is an error besides 5xx and no answer (`4xx`, `429`). `limit`: of `slow`, in us."""

    guard: Guard
    codes: Sequence[str] = ()
    limit: float | None = None
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """`copies`: versions are judged by the copies they get, else by real requests. `step`: counting begins with it.

    `seen`: the last look's evidence, for whoever can only tell what was added since.
    """

    versions: Versions
    copies: bool
    guards: Sequence[Asked]
    step: str
    seen: Evidence | None = None


class Source(Protocol):
    """Whoever counts. All raise TurnoutError when he cannot be asked."""

    @property
    def prompt(self) -> bool:
        """Whether it tells of this very moment; else nobody can time how the candidate's last answers came."""

    @property
    def problems(self) -> Sequence[str]:
        """Of the last look: what could not be counted. The guards concerned know nothing then."""

    def look(self, question: Question) -> Evidence | None:
        """All that was counted until now; None when nothing is known."""

    def durations(self, versions: Versions) -> Buckets:
        """Of the real requests that stable answered in the last minute, in microseconds."""

    def under_way(self, versions: Versions) -> int:
        """Real requests that the candidate has not answered yet."""
