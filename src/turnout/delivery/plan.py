"""What a rollout shall do: its steps, its guards, and how sure it has to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from turnout.delivery import split
from turnout.delivery.edit import Refusal
from turnout.delivery.guard import Guard, Levels
from turnout.delivery.split import Wanted

HUNDRED = Decimal(100)
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a plan. `percent`: of `weight`, the candidate's; of `mirror` and `compare`, how much is copied.

    `users` says whose requests go to the candidate, as a match of Istio's. A pause stays with what the step before has
    set: for `min_seconds`, or, with `until_resumed`, until somebody says so. Time runs from when the step is true
    (`min_seconds`), and from when it was asked for (`max_seconds`; None: for ever).
    """

    kind: Literal["compare", "mirror", "users", "weight", "pause"]
    percent: Decimal = HUNDRED
    users: str = ""
    min_seconds: float = MINUTE
    max_seconds: float | None = HOUR
    until_resumed: bool = False

    @property
    def name(self) -> str:
        """As a person would call it."""
        return f"{self.kind} {self.percent.normalize():f} %" if self.kind in {"weight", "mirror"} else self.kind


PROMOTION = Stage("weight", HUNDRED, min_seconds=0.0)


@dataclass(frozen=True, slots=True)
class Routing:
    """Where requests shall go: weights that total 100, or 1000 where one is finer than a percent; copies; whose."""

    stable: int = 100
    candidate: int = 0
    mirror_percent: Decimal = Decimal(0)
    users: str = ""
    compare: bool = False

    def __post_init__(self) -> None:
        assert self.stable + self.candidate in {100, 1000}, f"{self.stable} and {self.candidate}"

    @property
    def weight(self) -> float:
        """The candidate's, from 0 to 1."""
        return self.candidate / (self.stable + self.candidate)

    @property
    def exposes(self) -> bool:
        """Whether the candidate gets anything."""
        return bool(self.candidate or self.mirror_percent or self.users)


STABLE = Routing()


@dataclass(frozen=True, slots=True)
class Plan:
    """`alpha`: the chance of going back for no reason, in the whole rollout, over all guards, steps and looks together.

    It is also the chance that a step is passed in which one guard's increase is as large as its tolerance.
    `users`: of a sticky split, how many have come until now.
    """

    stages: tuple[Stage, ...]
    guards: tuple[Guard, ...]
    alpha: float = 0.05
    on_timeout: Literal["hold", "abort"] = "hold"
    users: int | None = None

    @property
    def steps(self) -> tuple[Stage, ...]:
        """The stages, of which the last one is the promotion to 100 %."""
        last = self.stages[-1] if self.stages else None
        promoted = last is not None and last.kind == "weight" and last.percent == HUNDRED
        return self.stages if promoted else (*self.stages, PROMOTION)

    def levels(self, guard: Guard) -> Levels:
        """How sure one guard has to be.

        `worse`: alpha is divided among the guards, so that each single verdict can be trusted even when another guard
        rightly says `worse`; it is not divided among steps, whose bets are one e-process. `fine`: alpha itself, since a
        step is passed only if all guards say so, the one that should not have among them; and since whatever is
        passed wrongly, the first such step is.
        """
        return Levels(self.alpha * guard.part / sum(each.part for each in self.guards), self.alpha)


def routing(plan: Plan, index: int) -> Routing:
    """What a step asks for."""
    stage = plan.steps[index]
    match stage.kind:
        case "pause":
            return routing(plan, index - 1) if index else STABLE
        case "users":
            return Routing(users=stage.users)
        case "weight":
            return weights(stage.percent)
        case _:
            return Routing(mirror_percent=stage.percent, compare=stage.kind == "compare")


def weights(percent: Decimal) -> Routing:
    """A candidate's percent, down to tenths."""
    total = 100 if percent == percent.to_integral_value() else 1000
    candidate = int(percent * total / HUNDRED)
    return Routing(total - candidate, candidate)


def guards(plan: Plan, index: int) -> tuple[Guard, ...]:
    """Who has to say `fine` in a step: of a comparison, those of its answers; of a promotion, nobody.

    At 100 % there is no concurrent stable to compare with. A pause asks those of the step before again.
    """
    kind = plan.steps[index].kind
    if kind == "pause":
        return guards(plan, index - 1) if index else ()
    if index == len(plan.steps) - 1:
        return ()
    return tuple(guard for guard in plan.guards if (guard.kind == "regressions") == (kind == "compare"))


def wanted(plan: Plan, index: int) -> Wanted | None:
    """The split by which it is told that a step is true; None where no share can be known."""
    stage = plan.steps[index]
    share = float(stage.percent / HUNDRED)
    match stage.kind:
        case "pause":
            return wanted(plan, index - 1) if index else None
        case "users":
            return None
        case "weight":
            return split.of_requests(share, plan.users)
        case "compare":  # only what is to be copied gets to the rule that copies
            return split.of_copies(1.0)
        case _:
            return split.of_copies(share)


def capped(plan: Plan, percent: Decimal) -> Plan:
    """Of the weights above a percent, below the promotion, only the first is left, as that percent.

    What touches too many users is not tried: the evidence comes from fewer requests, in more time.
    """
    stages: list[Stage] = []
    for stage in plan.stages:
        if stage.kind != "weight" or stage.percent == HUNDRED or stage.percent <= percent:
            stages.append(stage)
        elif not any(each.kind == "weight" and each.percent == percent for each in stages):
            stages.append(replace(stage, percent=percent))
    return replace(plan, stages=tuple(stages))


def unfit(plan: Plan) -> Refusal | None:
    """Why a plan cannot be carried out: the first reason."""
    return next((reason for reason in (*_of_guards(plan), *_of_stages(plan), *_of_judges(plan)) if reason), None)


def _of_guards(plan: Plan) -> Iterator[Refusal]:
    if not 0 < plan.alpha < 0.5:
        yield Refusal(f"a chance of {plan.alpha:g} for a false alarm", "between 0 and 0.5: 0.05 is usual")
    names = [guard.name for guard in plan.guards]
    if len(set(names)) < len(names):
        yield Refusal("two guards have the same name", "each verdict is told by its guard's name")
    for guard in plan.guards:
        if not 0 < guard.tolerance < 1:
            hint = "above 0 and below 1: no number of requests shows that nothing at all is worse"
            yield Refusal(f"{guard.name} tolerates an increase of {guard.tolerance:g}", hint)
        if guard.part <= 0:
            yield Refusal(f"{guard.name} gets {guard.part:g} of the false alarms", "a part above 0")
        if (guard.kind == "slow") != (guard.quantile is not None and 0 < guard.quantile < 1):
            yield Refusal(
                f"{guard.name} has the quantile {guard.quantile}", "`slow` needs one, such as 0.99; no other kind"
            )


def _of_stages(plan: Plan) -> Iterator[Refusal]:
    before = Decimal(0)
    for stage in plan.stages:
        if stage.max_seconds is not None and stage.max_seconds < stage.min_seconds:
            hint = f"the most, {stage.max_seconds:g} s, is less"
            yield Refusal(f"{stage.name} takes {stage.min_seconds:g} s at least", hint)
        if stage.kind == "users" and not stage.users:
            yield Refusal("a step for a group of users does not say who", "a match of a header or a cookie")
        if stage.kind in {"mirror", "compare"} and not 0 < stage.percent <= HUNDRED:
            yield Refusal(f"{stage.name} of {stage.percent} %", "above 0 and at most 100")
        if stage.kind == "weight":
            if stage.percent * 10 % 1 or not before < stage.percent <= HUNDRED:
                yield Refusal(
                    f"{stage.name} follows {before} %", "weights rise, to at most 100, in tenths of a percent"
                )
            before = stage.percent


def _of_judges(plan: Plan) -> Iterator[Refusal]:
    judged = [index for index in range(len(plan.steps) - 1) if plan.steps[index].kind != "pause"]
    if not judged:
        yield Refusal("nothing is judged before all traffic moves", "a step of less than 100 % comes first")
    for index in judged:
        if not guards(plan, index):
            kind = "`regressions`" if plan.steps[index].kind == "compare" else "`errors`, `slow` or `query`"
            yield Refusal(f"nobody judges {plan.steps[index].name}", f"it needs a guard of the kind {kind}")
