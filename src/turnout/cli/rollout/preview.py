"""A rollout before it begins: its steps, what each touches, and about how much it needs to be decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnout.cli.rollout.words import percent, share, spoken
from turnout.error import ApiError, TurnoutError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from turnout.client import Client
    from turnout.delivery.blast_radius import FanOut
    from turnout.delivery.guard import Guard
    from turnout.delivery.plan import Plan, Stage
    from turnout.rollout.intent import Intent

_LITTLE = 0.001
"""A share of failures to reckon with where none have been seen."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of the service's traffic, and the plan with the weights that this allows.

    `fan_out` None: no user request came lately.
    """

    plan: Plan
    fan_out: FanOut | None = None
    rate: float = 0.0
    error_share: float = 0.0


def require(status: Mapping[str, Any], host: str, *subsets: str) -> None:
    """Raises TurnoutError for a service or subset that is not there."""
    known = [version["subset"] for version in _service(status, host)["versions"] if version["subset"]]
    for subset in subsets:
        if subset not in known:
            hint = (
                f"subsets: {', '.join(known)}" if known else "a DestinationRule names them: `turnout init` writes one"
            )
            raise TurnoutError(f"{host} has no subset {subset}", hint)


def _service(status: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    for service in status["services"]:
        if service["host"] == host:
            found: Mapping[str, Any] = service
            return found
    raise TurnoutError(f"no service {host}", f"services: {', '.join(s['name'] for s in status['services']) or 'none'}")


def outlook(client: Client, status: Mapping[str, Any], intent: Intent) -> Outlook:
    """As far as it has been measured. Raises TurnoutError where no weight touches so few users as is asked for."""
    from turnout.delivery.plan import capped
    from turnout.rollout.impact import cap

    touched = _fan_out(client, intent)
    allowed = cap(intent, touched)
    versions = _service(status, intent.versions.host)["versions"]
    rate = sum(version["rate"] for version in versions)
    failing = sum(version["rate"] * version["error_share"] for version in versions)
    plan = intent.plan if allowed is None else capped(intent.plan, allowed)
    return Outlook(plan, touched, rate, failing / rate if rate else 0.0)


def _fan_out(client: Client, intent: Intent) -> FanOut | None:
    from turnout.rollout.impact import fan_out

    try:
        return fan_out(client, intent)
    except ApiError as error:
        if error.status != 404:  # an older Turnout runs, which does not count that
            raise
        return None


def table(intent: Intent, known: Outlook) -> RenderableType:
    """A row for each step."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows = Table("STEP", "AT LEAST", "AT MOST", "USER REQUESTS", "NEEDS ABOUT", box=None, header_style="dim")
    rows.pad_edge = False
    for index, stage in enumerate(known.plan.steps):
        least = "until resumed" if stage.until_resumed else spoken(stage.min_seconds) if stage.min_seconds else "-"
        most = spoken(stage.max_seconds) if stage.max_seconds is not None else "-"
        rows.add_row(stage.name, least, most, _touched(stage, known), _needed(index, known))
    versions = intent.versions
    head = f"{intent.name}: {versions.host} from {versions.stable} to {versions.candidate}"
    return Group(Text(head, style="bold"), rows, *(Text(line, style="dim") for line in _notes(intent, known)))


def _touched(stage: Stage, known: Outlook) -> str:
    if stage.kind in ("compare", "mirror"):
        return "none: copies"
    if stage.kind == "users":
        return "the group's"
    if stage.kind == "pause" or known.fan_out is None:
        return "-"
    touched = known.fan_out.touched(float(stage.percent) / 100)
    return share(touched) if known.fan_out.exact or stage.percent == 100 else f"at most {share(touched)}"


def _needed(index: int, known: Outlook) -> str:
    """Requests of the candidate until all guards of a weight are fine, if it is as good as stable."""
    from turnout.delivery.plan import guards

    stage, judges = known.plan.steps[index], guards(known.plan, index)
    if stage.kind != "weight" or not judges:
        return "-"
    weight = float(stage.percent) / 100
    requests = max(_needed_by(guard, weight, known) for guard in judges)
    time = f", {spoken(requests / (known.rate * weight))} at this rate" if known.rate else ""
    return f"{requests:,} requests{time}"


def _needed_by(guard: Guard, weight: float, known: Outlook) -> int:
    from turnout.delivery.guard import requests_needed

    bad = 1 - guard.quantile if guard.quantile is not None else max(known.error_share, _LITTLE)
    return requests_needed(guard, known.plan.levels(guard), bad, weight)


def _notes(intent: Intent, known: Outlook) -> Iterator[str]:
    guards = ", ".join(
        f"{guard.name} (at most +{percent(guard.tolerance * 100)} points)" for guard in intent.plan.guards
    )
    yield f"guards: {guards}; confidence {percent((1 - intent.plan.alpha) * 100)} %"
    if known.plan != intent.plan:
        most = percent(100 * (intent.max_user_impact or 0))
        yield f"weights are lowered, so that before 100 % they touch at most {most} % of the user requests"
    if known.fan_out is None:
        yield "user requests: none came lately, so what a step touches is not known"
    elif known.fan_out.mean:
        how = "traces" if known.fan_out.exact else "counters: an upper bound"
        yield f"user requests: each makes {known.fan_out.mean:.3g} calls on average (from {how})"
