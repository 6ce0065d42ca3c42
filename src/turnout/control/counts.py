"""What was ever counted of one service, and what is under way there, for whoever compares its versions."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from turnout.apiserver.view import ViewRequest
from turnout.control.question import number, service_host
from turnout.error import ApiError, EnvoyFailed, EvidenceFailed
from turnout.mesh.service import revision, selects
from turnout.telemetry.copies import ends
from turnout.telemetry.histogram import Bucket, added
from turnout.telemetry.selector import parsed
from turnout.telemetry.series import Series

if TYPE_CHECKING:
    from turnout.control.instance import Instance

Kind = tuple[str, str, bool]
"""Route, subset, and whether it is copies."""


async def counts(instance: Instance, request: ViewRequest) -> dict[str, Any]:
    """Sums that never fall, by route, subset and code; durations in microseconds; ready pods by subset.

    With `seconds`, up to 60, durations are those of that time. `versions`: subset → Istio's canonical revision.
    `epoch`: another one says that the sums began at 0 again. Copies that were not sent on are not in it. Raises
    ApiError.
    """
    host = service_host(request.query)
    await instance.telemetry.look_for(request.query)
    requests: dict[tuple[Kind, str], int] = defaultdict(int)
    durations: dict[Kind, dict[Bucket, int]] = defaultdict(dict)
    counted = instance.telemetry.window.latest
    seconds = number(request.query, "seconds", 0.0, least=0.0, most=60.0)
    lately = instance.telemetry.window.traffic(seconds) if seconds else {}
    histograms = {series: found.durations for series, found in lately.items()} if seconds else counted.durations
    for series, count in counted.requests.items():
        if _is_of(series, host):
            requests[_kind(series), series.response_code] += count
    for series, buckets in histograms.items():
        if _is_of(series, host):
            durations[_kind(series)] = added(durations[_kind(series)], buckets)
    return {
        "epoch": instance.epoch,
        "requests": [[*kind, code, count] for (kind, code), count in requests.items()],
        "durations": [[*kind, [[*bucket, n] for bucket, n in found.items()]] for kind, found in durations.items()],
        "ready": _ready(instance, host),
        "versions": _versions(instance, host),
    }


async def counted_sum(instance: Instance, request: ViewRequest) -> dict[str, Any]:
    """`query`: one counter in PromQL, as telemetry.selector has it, as of the last look. Raises ApiError."""
    try:
        selector = parsed(request.query.get("query", ""))
    except EvidenceFailed as error:
        raise ApiError(400, "BadRequest", error.message, error.hint) from error
    # Elsewhere: with two thousand series it takes longer than a change may wait.
    return {"value": await asyncio.to_thread(selector.value, dict(instance.telemetry.window.totals()))}


async def under_way(instance: Instance, request: ViewRequest) -> dict[str, Any]:
    """Requests for the pods of `subset` of `service` that are not answered yet, as of now. Raises ApiError."""
    host, subset = service_host(request.query), request.query.get("subset", "")
    pattern = f"^cluster[.]outbound[|][0-9]+[|]{re.escape(subset)}[|]{re.escape(host)}[.]upstream_rq_active$"
    try:
        _, body = await instance.envoy.admin("GET", f"/stats?filter={quote(pattern)}")
    except EnvoyFailed as error:
        raise ApiError(503, "ServiceUnavailable", error.message, error.hint) from error
    return {"requests": sum(int(line.rpartition(b":")[2]) for line in body.splitlines() if b":" in line)}


def _is_of(series: Series, host: str) -> bool:
    return series.destination_service == host and (not series.mirrored or "dropped" not in ends(series))


def _kind(series: Series) -> Kind:
    return series.route, series.subset, series.mirrored


def _ready(instance: Instance, host: str) -> dict[str, int]:
    """Pods that get requests, by subset."""
    mesh = instance.world.mesh
    service, policy = mesh.services.get(host), mesh.policies.get(host)
    if service is None or policy is None:
        return {}
    pods = [pod for pod in instance.pods() if pod.ready and not pod.draining]
    own = [pod for pod in pods if pod.namespace == service.namespace and selects(service.spec.selector, pod.labels)]
    return {subset.name: sum(subset.labels.items() <= pod.labels.items() for pod in own) for subset in policy.subsets}


def _versions(instance: Instance, host: str) -> dict[str, str]:
    """What metrics call each subset."""
    policy = instance.world.mesh.policies.get(host)
    return {subset.name: revision(subset.labels) for subset in policy.subsets} if policy else {}
