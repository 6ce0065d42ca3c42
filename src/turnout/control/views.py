"""What is no resource, under `/turnout/v1/…`: status, logs, history, and the order to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from turnout.apiserver.view import View, ViewRequest
from turnout.control import comparison, traces
from turnout.control.access import access
from turnout.control.blast import Blast
from turnout.control.counts import counted_sum, counts, under_way
from turnout.control.explained import Unanswerable, of_instance, question
from turnout.control.graph import graph
from turnout.control.logs import logs
from turnout.control.routes import routes
from turnout.control.status import status
from turnout.control.timeline import series
from turnout.control.usage import usage
from turnout.control.windows import windows
from turnout.control.written import written
from turnout.error import ApiError

if TYPE_CHECKING:
    from turnout.control.instance import Instance


def table(instance: Instance) -> Mapping[str, View]:
    """The views of one instance, by name."""

    async def show_status(request: ViewRequest) -> Any:
        await instance.telemetry.look_for(request.query)
        await instance.considered()
        return status(instance)

    async def show_graph(request: ViewRequest) -> Any:
        return await graph(instance, request, time.time())

    async def show_series(request: ViewRequest) -> Any:
        return await series(instance, request, time.time())

    async def show_traces(request: ViewRequest) -> Any:
        return await traces.show(instance.traces, request, time.time())

    async def show_routes(request: ViewRequest) -> Any:
        return routes(instance)

    async def explain(request: ViewRequest) -> Any:
        return await asyncio.to_thread(_explain, instance, request)

    async def show_access(request: ViewRequest) -> AsyncIterator[str]:
        return access(instance, request.query)

    async def show_logs(request: ViewRequest) -> AsyncIterator[str]:
        return logs(instance, request.query)

    async def history(request: ViewRequest) -> Any:
        return _history(instance, request)

    async def down(request: ViewRequest) -> Any:
        if request.method != "POST":
            raise ApiError(405, "MethodNotAllowed", "POST it")
        asyncio.get_running_loop().call_soon(instance.stopping.set)
        return {}

    return {
        "status": show_status,
        "logs": show_logs,
        "access": show_access,
        "graph": show_graph,
        "series": show_series,
        "counts": partial(counts, instance),
        "sum": partial(counted_sum, instance),
        "usage": partial(usage, instance),
        "under_way": partial(under_way, instance),
        "blast": Blast(instance).show,
        "windows": partial(windows, instance),
        "rollouts": instance.rollouts.view,
        "rollouts/": instance.rollouts.view,
        "traces": show_traces,
        "traces/": show_traces,
        **comparison.views(instance.comparisons),
        "routes": show_routes,
        "explain": explain,
        "written": partial(written, instance.files),
        "history": history,
        "down": down,
    }


def _explain(instance: Instance, request: ViewRequest) -> Any:
    posed = question(request.body)
    if posed is None:
        raise ApiError(400, "BadRequest", "POST a `method` and a `url`, and if need be `headers`, `from`, `gateway`")
    found = of_instance(instance, posed)
    if isinstance(found, Unanswerable):
        raise ApiError(422, "Unanswerable", found.message, found.hint)
    return found


def _history(instance: Instance, request: ViewRequest) -> Any:
    """All steps; POST adds one, or says that it is undone."""
    if request.method == "GET":
        return list(instance.history.all())
    step = request.body
    if isinstance(step, Mapping) and type(step.get("undone")) is int:
        instance.history.mark_undone(step["undone"])
        return {}
    if not isinstance(step, Mapping) or not isinstance(step.get("command"), str) or not step.get("objects"):
        raise ApiError(400, "BadRequest", "a step has a `command` and its `objects`, or says which one is `undone`")
    return instance.history.add(step)
