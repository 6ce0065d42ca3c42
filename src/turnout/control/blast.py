"""The view `blast`: how many calls of a service a user's request makes, as far as it was measured."""

from __future__ import annotations

import time
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
MOST_TRACES = 500
"""Each of 26 spans takes the store's thread 0.4 ms."""


async def blast(instance: Instance, request: ViewRequest) -> dict[str, Any]:
    """`service`, `namespace`, `route` (all, if empty), `seconds` back from now. Raises ApiError.

    `fan_out`: None when no user request came. Its `distribution`, calls → user requests, is None where traces do not
    tell. `propagates`: whether calls of one user request can be known by `header`; None: no trace tells.
    """
    host = service_host(request.query)
    now = time.time()
    seconds = number(request.query, "seconds", LOOKED_BACK_SECONDS, least=1, most=LONGEST_SECONDS)
    await instance.telemetry.look_for(request.query)
    wanted = Calls(host, lambda route: of_route(route, request.query.get("route", "")))
    found = counted(await traffic_within(instance, seconds, now), wanted)
    traces = await instance.traces.search(Search(since=now - seconds, limit=MOST_TRACES))
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
