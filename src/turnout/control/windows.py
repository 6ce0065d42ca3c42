"""The view `windows`: what one version of a service did lately, window by window: what rehearsals are made of."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from turnout.apiserver.view import ViewRequest
from turnout.control.blast import of_route
from turnout.control.question import number, service_host
from turnout.telemetry.histogram import Bucket, added
from turnout.telemetry.series import Series
from turnout.telemetry.traffic import Traffic

if TYPE_CHECKING:
    from turnout.control.instance import Instance
    from turnout.telemetry.store import Store

LONGEST_SECONDS = 6 * 3600.0
"""So far back there are windows of ten seconds at least."""


async def windows(instance: Instance, request: ViewRequest) -> dict[str, Any]:
    """`service`, `namespace`, `subset`, `route` (all, if empty), `seconds` back from now. Raises ApiError.

    Of each window `seconds`, `codes` (status → requests), and `durations`: [lower bound, width, requests] in
    microseconds. Copies are left out.
    """
    host, subset = service_host(request.query), request.query.get("subset", "")
    route = request.query.get("route", "")
    seconds = number(request.query, "seconds", 600, least=1, most=LONGEST_SECONDS)
    now = time.time()

    def code(series: Series) -> str | None:
        wanted = series.destination_service == host and series.subset == subset and not series.mirrored
        return series.response_code if wanted and of_route(series.route, route) else None

    def ask(store: Store) -> list[dict[str, Any]]:
        length = float(store.step(now - seconds))
        return [_window(traffic, length) for _, traffic in store.grouped(now - seconds, now, None, code)]

    return {"asked_seconds": seconds, "windows": await instance.telemetry.ask(ask)}


def _window(traffic: dict[str, Traffic], seconds: float) -> dict[str, Any]:
    """One without traffic does not say how long was looked."""
    codes, durations = Counter[str](), dict[Bucket, int]()
    for code, found in traffic.items():
        codes[code] += found.requests
        durations = added(durations, found.durations)
        seconds = found.seconds or seconds
    return {
        "seconds": seconds,
        "codes": dict(codes),
        "durations": [[lower, width, count] for (lower, width), count in sorted(durations.items())],
    }
