"""What people tell a running rollout to do, as an annotation: `turnout.dev/order: promote 4f1c`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnout.delivery import rollout
from turnout.delivery.plan import Plan
from turnout.delivery.rollout import ENDED, State, Step
from turnout.error import TurnoutError

ANNOTATION = "turnout.dev/order"
VERBS = ("pause", "resume", "promote", "abort")


@dataclass(frozen=True, slots=True)
class Order:
    """`id` tells one order from the next; kubectl's users may leave it out."""

    verb: str
    id: str = ""


def order_of(obj: Mapping[str, Any]) -> Order | None:
    """The one that a Rollout carries."""
    words = ((obj["metadata"].get("annotations") or {}).get(ANNOTATION) or "").split(maxsplit=1)
    return Order(words[0], words[1] if len(words) > 1 else "") if words else None


def carried_out(plan: Plan, state: State, order: Order, now: float) -> Step:
    """What follows from it. Raises TurnoutError where nothing does."""
    if order.verb not in VERBS:
        raise TurnoutError(f"{order.verb} is no order", f"there are {', '.join(VERBS)}")
    if state.phase in ENDED:
        raise TurnoutError(f"cannot {order.verb}: the rollout is {state.phase}", "turnout rollout start begins anew")
    match order.verb:
        case "pause":
            step = rollout.pause(plan, state, "paused by order")
        case "resume":
            step = rollout.resume(plan, state, now)
        case "promote":
            step = rollout.promote(plan, state, now)
        case _:
            step = rollout.abort(plan, state, "aborted by order")
    if step.decision.action == "wait":
        raise TurnoutError(f"cannot {order.verb}: the rollout is {state.phase}")
    return step
