"""How many users a rollout's weights will touch, from what was measured: the view `blast`."""

from __future__ import annotations

from decimal import Decimal

from turnout.client import Client
from turnout.delivery.blast_radius import FanOut, counted, measured
from turnout.error import TurnoutError
from turnout.rollout.intent import Intent


def fan_out(client: Client, intent: Intent) -> FanOut | None:
    """Calls of the service per user request; None when there were none lately. Raises ApiError, NotRunning."""
    versions = intent.versions
    seen = client.view("blast", service=versions.host, route=versions.route or "")
    distribution = (seen.get("fan_out") or {}).get("distribution")
    if distribution:
        return measured({int(calls): count for calls, count in distribution.items()})
    return counted(seen["calls"], seen["user_requests"]) if seen["user_requests"] else None


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
