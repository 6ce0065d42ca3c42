"""The view `blast`: how many calls of a service a user's request makes, as far as it was measured."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnout.apiserver.view import ViewRequest
from turnout.control.graph import LONGEST_SECONDS, traffic_within
from turnout.control.question import number, service_host
from turnout.delivery.edit import MIRROR_SUFFIX, USERS_SUFFIX
from turnout.telemetry.fan_out import Calls, Counted, Traced, counted, traced
from turnout.telemetry.spans import Search

if TYPE_CHECKING:
    from turnout.control.instance import Instance

LOOKED_BACK_SECONDS = 300.0
TOLD_AGAIN_SECONDS = 10.0
MOST_TRACES = 500
"""Each of 26 spans takes the store's thread 0.4 ms."""


@dataclass(frozen=True, slots=True)
class _Known:
    at: float
    answer: Mapping[str, Any]


class Blast:
    """What was measured is told again for a while: a rollout asks each second, and it takes up to half of one."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._known: dict[tuple[str, str, float], _Known] = {}

    async def show(self, request: ViewRequest) -> Mapping[str, Any]:
        """`service`, `namespace`, `route` (all, if empty), `seconds` back from now. Raises ApiError.

        `fan_out`: None when no user request came. Its `distribution`, calls → user requests, is None where traces do
        not tell. `propagates`: whether calls of one user request can be known by `header`; None: no trace tells.
        """
        host, route = service_host(request.query), request.query.get("route", "")
        seconds = number(request.query, "seconds", LOOKED_BACK_SECONDS, least=1, most=LONGEST_SECONDS)
        now = time.time()
        self._known = {key: known for key, known in self._known.items() if known.at > now - TOLD_AGAIN_SECONDS}
        if known := self._known.get((host, route, seconds)):
            return known.answer
        await self._instance.telemetry.look_for(request.query)
        answer = await self._measured(Calls(host, lambda name: of_route(name, route)), seconds, now)
        if answer["calls"]:
            self._known[host, route, seconds] = _Known(now, answer)
        return answer

    async def _measured(self, wanted: Calls, seconds: float, now: float) -> dict[str, Any]:
        found = counted(await traffic_within(self._instance, seconds, now), wanted)
        traces = await self._instance.traces.search(Search(since=now - seconds, limit=MOST_TRACES))
        return shown(found, traced(traces, wanted, found.leading, now))


def shown(found: Counted, traces: Traced) -> dict[str, Any]:
    """As JSON. Calls that only gateways make need no trace: each is of a request of its own."""
    alone = found.calls > 0 and found.direct == found.calls
    distribution = _alone(found) if alone else _distribution(found, traces)
    return {
        "fan_out": None if found.mean is None else {"mean": found.mean, "distribution": distribution},
        "user_requests": found.user_requests,
        "calls": found.calls,
        "traced": sum(traces.distribution.values()),
        "propagates": True if alone else traces.propagates,
        "header": "x-request-id" if alone else traces.header,
    }


def _alone(found: Counted) -> dict[str, int]:
    without = found.user_requests - found.calls
    return {"1": found.calls} | ({"0": without} if without > 0 else {})


def _distribution(found: Counted, traces: Traced) -> dict[str, int] | None:
    if found.mean is None or not traces.believable(found.mean):
        return None
    return {str(calls): n for calls, n in sorted(traces.distribution.items())}


def of_route(route: str, wanted: str) -> bool:
    """A route goes by one name with the rules before it, and is counted under that of each match that has one."""
    if not wanted:
        return True
    parts = (wanted, wanted + MIRROR_SUFFIX, wanted + USERS_SUFFIX)
    return any(route == part or route.startswith(f"{part}.") for part in parts) or route.endswith(f"/{wanted}")
