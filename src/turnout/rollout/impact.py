"""How many users a rollout's weights will touch, from what was measured: the view `blast`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from turnout.client import Client
from turnout.delivery.blast_radius import FanOut, told
from turnout.delivery.propagation import unfit
from turnout.error import TurnoutError
from turnout.rollout.intent import Intent


def fan_out(client: Client, intent: Intent) -> FanOut | None:
    """Calls of the service per user request; None when there were none lately. Raises ApiError, NotRunning."""
    seen = _seen(client, intent)
    found = told(seen)
    return found and replace(found, together=intent.sticky == "request" and seen.get("propagates") is True)


def require_propagation(client: Client, intent: Intent) -> None:
    """Raises TurnoutError when a split by user request could not work. ApiError, NotRunning."""
    refusal = unfit(intent.sticky, propagates=_seen(client, intent)["propagates"]) if intent.sticky else None
    if refusal is not None:
        raise TurnoutError(refusal.message, refusal.hint)


def _seen(client: Client, intent: Intent) -> Mapping[str, Any]:
    versions = intent.versions
    seen: Mapping[str, Any] = client.view("blast", service=versions.host, route=versions.route or "")
    return seen


def cap(intent: Intent, fan_out: FanOut | None) -> Decimal | None:
    """The percent that no weight may exceed; None: any may. Raises TurnoutError when that cannot be known, or is 0."""
    if intent.max_user_impact is None:
        return None
    most = f"{100 * intent.max_user_impact:g} %"
    if fan_out is None:
        raise TurnoutError(
            f"no user request came lately, so a weight that touches at most {most} of them is not known",
            "send some traffic first",
        )
    percent = fan_out.percent(intent.max_user_impact)
    if not percent:
        raise TurnoutError(
            f"even a weight of 0.1 % touches more than {most} of the user requests, with {fan_out.mean:.3g} calls each",
            "allow more, or begin with a mirror or a group of users",
        )
    return percent
