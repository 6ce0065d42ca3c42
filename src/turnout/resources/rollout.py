"""Rollout: Turnout's own kind. How one version takes over from another, and what has to hold meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from turnout.resources.meta import Metadata
from turnout.resources.virtual_service import StringMatch

HookEvent = Literal["step", "verdict", "finish"]


@dataclass(frozen=True, slots=True)
class CompareStep:
    """Answers to `percent` of the requests are compared, and for `baseline` percent of those stable's own twice."""

    percent: float = 6.25
    baseline: float = 25.0


@dataclass(frozen=True, slots=True)
class MirrorStep:
    percent: float = 100.0


@dataclass(frozen=True, slots=True)
class UsersStep:
    """Whose requests the candidate answers: as in a VirtualService's match, all of the headers."""

    headers: Mapping[str, StringMatch] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PauseStep:
    """None: until it is resumed."""

    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class RolloutStep:
    """One of the five. `weight`: the candidate's percent of all requests."""

    compare: CompareStep | None = None
    mirror: MirrorStep | None = None
    users: UsersStep | None = None
    weight: float | None = None
    pause: PauseStep | None = None
    min_time: timedelta | None = None
    max_time: timedelta | None = None

    KINDS: ClassVar = ("compare", "mirror", "users", "weight", "pause")
    ONLY_ONE_OF: ClassVar = (KINDS,)

    @property
    def kind(self) -> str | None:
        """None: it says nothing."""
        return next((kind for kind in self.KINDS if getattr(self, kind) is not None), None)


@dataclass(frozen=True, slots=True)
class ErrorsGuard:
    """Tolerances are percentage points. `codes`: what counts besides 5xx and no answer: `4xx`, `429`."""

    tolerance: float = 1.0
    codes: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class SlowGuard:
    """Requests that take longer than this quantile of stable's."""

    quantile: float = 0.99
    tolerance: float = 5.0


@dataclass(frozen=True, slots=True)
class RegressionsGuard:
    """Compared answers that differ."""

    tolerance: float = 5.0


@dataclass(frozen=True, slots=True)
class QueryGuard:
    """Two counters that only grow, in PromQL. Without `prometheus` they are looked for in Turnout's own metrics."""

    bad: str
    total: str
    tolerance: float = 1.0
    prometheus: str = ""


@dataclass(frozen=True, slots=True)
class RolloutGuard:
    """One of the four. Its name is its kind, unless it has another."""

    errors: ErrorsGuard | None = None
    slow: SlowGuard | None = None
    regressions: RegressionsGuard | None = None
    query: QueryGuard | None = None
    name: str = ""

    KINDS: ClassVar = ("errors", "slow", "regressions", "query")
    ONLY_ONE_OF: ClassVar = (KINDS,)

    @property
    def kind(self) -> str | None:
        """None: it says nothing."""
        return next((kind for kind in self.KINDS if getattr(self, kind) is not None), None)

    @property
    def title(self) -> str:
        """What verdicts call it."""
        return self.name or self.kind or ""


@dataclass(frozen=True, slots=True)
class Webhook:
    """`secret_file`: holds the key that requests are signed with."""

    url: str
    secret_file: str = ""


@dataclass(frozen=True, slots=True)
class RolloutHook:
    """A command that gets the event as JSON on its stdin, or an address that it is posted to.

    `events`: of which it is told; none means all. Not `on`, which YAML reads as true.
    """

    exec: tuple[str, ...] | None = None
    webhook: Webhook | None = None
    events: tuple[HookEvent, ...] = ()
    timeout: timedelta = timedelta(seconds=10)

    ONLY_ONE_OF: ClassVar = (("exec", "webhook"),)


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    """`service`: a host as in a VirtualService; `from_` and `to` are its subsets; `route` one HTTP route's name.

    `guards`: None leaves the choice to Turnout. `max_user_impact`: percent of user requests that a weight may touch.
    """

    service: str
    from_: str
    to: str
    steps: tuple[RolloutStep, ...]
    route: str = ""
    methods: tuple[str, ...] = ("GET", "HEAD")
    guards: tuple[RolloutGuard, ...] | None = None
    confidence: float = 0.95
    min_time: timedelta = timedelta(minutes=1)
    max_time: timedelta = timedelta(hours=1)
    on_timeout: Literal["hold", "abort"] = "hold"
    max_user_impact: float | None = None
    sticky: str = ""
    expectations: str = ""
    hooks: tuple[RolloutHook, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollout:
    metadata: Metadata
    spec: RolloutSpec
