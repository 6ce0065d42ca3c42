"""What a Rollout asks for, as the engine takes it: the object's own words turned into a plan, with all defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from turnout.delivery import plan as planning
from turnout.delivery.guard import Guard
from turnout.delivery.plan import Plan, Stage
from turnout.delivery.steering import Versions
from turnout.evidence.question import Query
from turnout.mesh.names import fqdn
from turnout.problem import ObjectPath, Problem, errors
from turnout.resources.codes import problem
from turnout.resources.interpret import interpret
from turnout.resources.rollout import (
    CompareStep,
    ErrorsGuard,
    HookEvent,
    RegressionsGuard,
    Rollout,
    RolloutGuard,
    RolloutHook,
    RolloutSpec,
    RolloutStep,
    SlowGuard,
)
from turnout.resources.virtual_service import StringMatch

USUAL = (RolloutGuard(errors=ErrorsGuard()), RolloutGuard(slow=SlowGuard()))
USUAL_OF_COMPARISONS = RolloutGuard(regressions=RegressionsGuard())


@dataclass(frozen=True, slots=True)
class Hook:
    """What to call: a command (`exec`, not through a shell), else `url`. `events`: of which; none means all."""

    exec: tuple[str, ...]
    url: str
    secret_file: str
    events: frozenset[HookEvent]
    timeout_seconds: float

    def wants(self, event: HookEvent) -> bool:
        """Whether it is to be told."""
        return not self.events or event in self.events


@dataclass(frozen=True, slots=True)
class Intent:
    """`baseline_percent`: of a comparison, how much is copied to stable as well.

    `max_user_impact`: the share of user requests, 0 to 1, that a weight may touch (`FanOut.percent` takes it); None:
    any. `expectations`, and hooks' files: paths as they are written. `queries` and `codes` (what counts as an error
    besides 5xx: `4xx`, `429`) are keyed by the guard's name; a guard without any is not among them.
    """

    name: str
    namespace: str
    versions: Versions
    plan: Plan
    methods: tuple[str, ...]
    baseline_percent: Decimal
    max_user_impact: float | None
    sticky: str
    expectations: str
    hooks: tuple[Hook, ...]
    queries: Mapping[str, Query]
    codes: Mapping[str, tuple[str, ...]]


def of(obj: Mapping[str, Any]) -> Intent | list[Problem]:
    """The intent of a Rollout as the API carries it; or why it cannot be carried out. Never raises."""
    found = interpret(obj)
    if not isinstance(found.resource, Rollout):
        return errors(found.problems)
    intent = _intent(found.resource)
    refusal = planning.unfit(intent.plan)
    if refusal is None:
        return intent
    where = ObjectPath("Rollout", intent.namespace, intent.name, "spec")
    return [problem("TNO186", where, refusal.message, refusal.hint)]


def _intent(rollout: Rollout) -> Intent:
    spec, meta = rollout.spec, rollout.metadata
    namespace = meta.namespace or "default"
    guards = guards_of(spec)
    return Intent(
        name=meta.name,
        namespace=namespace,
        versions=Versions(fqdn(spec.service, namespace), spec.from_, spec.to, spec.route or None),
        plan=Plan(
            tuple(_stage(step, spec) for step in spec.steps),
            tuple(_guard(guard) for guard in guards),
            alpha=round(1 - spec.confidence, 9),
            on_timeout=spec.on_timeout,
        ),
        methods=spec.methods,
        baseline_percent=_baseline(spec),
        max_user_impact=None if spec.max_user_impact is None else spec.max_user_impact / 100,
        sticky=spec.sticky,
        expectations=spec.expectations,
        hooks=tuple(_hook(hook) for hook in spec.hooks),
        queries={g.title: Query(g.query.bad, g.query.total, g.query.prometheus) for g in guards if g.query},
        codes={g.title: tuple(map(str, g.errors.codes)) for g in guards if g.errors and g.errors.codes},
    )


def guards_of(spec: RolloutSpec) -> tuple[RolloutGuard, ...]:
    """Those that are written, else the usual ones."""
    if spec.guards is not None:
        return spec.guards
    compares = any(step.compare is not None for step in spec.steps)
    judged_otherwise = any(step.kind not in ("compare", "pause") for step in spec.steps if step.weight != 100)
    return (*(USUAL if judged_otherwise else ()), *((USUAL_OF_COMPARISONS,) if compares else ()))


def _baseline(spec: RolloutSpec) -> Decimal:
    """All comparisons have the same."""
    return _percent(next((step.compare for step in spec.steps if step.compare), CompareStep()).baseline)


def _guard(guard: RolloutGuard) -> Guard:
    match guard:
        case RolloutGuard(errors=chosen) if chosen:
            return Guard(guard.title, "errors", chosen.tolerance / 100)
        case RolloutGuard(slow=chosen) if chosen:
            return Guard(guard.title, "slow", chosen.tolerance / 100, chosen.quantile)
        case RolloutGuard(regressions=chosen) if chosen:
            return Guard(guard.title, "regressions", chosen.tolerance / 100)
        case _:
            assert guard.query is not None, "a guard looks at something"
            return Guard(guard.title, "query", guard.query.tolerance / 100)


def _stage(step: RolloutStep, spec: RolloutSpec) -> Stage:
    least = (step.min_time if step.min_time is not None else spec.min_time).total_seconds()
    most = (step.max_time or spec.max_time).total_seconds()
    match step:
        case RolloutStep(compare=chosen) if chosen:
            return Stage("compare", _percent(chosen.percent), min_seconds=least, max_seconds=most)
        case RolloutStep(mirror=chosen) if chosen:
            return Stage("mirror", _percent(chosen.percent), min_seconds=least, max_seconds=most)
        case RolloutStep(users=chosen) if chosen:
            return Stage("users", users=_users(chosen.headers), min_seconds=least, max_seconds=most)
        case RolloutStep(weight=float(weight)):
            if weight == 100 and step.min_time is None:
                least = 0.0
            return Stage("weight", _percent(weight), min_seconds=least, max_seconds=most)
        case _:
            return _pause(step, most)


def _pause(step: RolloutStep, most: float) -> Stage:
    """It may last as long as it is planned, and only then time runs out."""
    assert step.pause is not None, "a step does something"
    if step.pause.duration is None:
        return Stage("pause", min_seconds=0.0, max_seconds=None, until_resumed=True)
    planned = step.pause.duration.total_seconds()
    return Stage("pause", min_seconds=planned, max_seconds=most if step.max_time else planned + most)


def _users(headers: Mapping[str, StringMatch]) -> str:
    """As JSON text: `{"headers": {name: StringMatch}}`, the same for the same group."""
    matches = {name: dict(_match(match)) for name, match in headers.items()}
    return json.dumps({"headers": matches}, sort_keys=True, separators=(",", ":"))


def _match(match: StringMatch) -> Iterator[tuple[str, str]]:
    """None at all: the header is there."""
    for name in ("exact", "prefix", "regex"):
        if (text := getattr(match, name)) is not None:
            yield name, text


def _hook(hook: RolloutHook) -> Hook:
    webhook = hook.webhook
    return Hook(
        exec=hook.exec or (),
        url=webhook.url if webhook else "",
        secret_file=webhook.secret_file if webhook else "",
        events=frozenset(hook.events),
        timeout_seconds=hook.timeout.total_seconds(),
    )


def _percent(value: float) -> Decimal:
    """The number that was written, not the nearest binary one."""
    return Decimal(f"{value:.10g}")
