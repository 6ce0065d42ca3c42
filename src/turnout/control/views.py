"""What is no resource, under `/turnout/v1/…`: status, logs, history, and the order to stop."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turnout.apiserver.view import View, ViewRequest
from turnout.control import traces
from turnout.control.access import access
from turnout.control.graph import graph
from turnout.control.routes import routes
from turnout.control.status import status
from turnout.control.timeline import series
from turnout.error import ApiError
from turnout.workloads.logs import follow

if TYPE_CHECKING:
    from turnout.control.instance import Instance

DEFAULT_LINES = 100
MOST_LINES = 100_000
LOOK_SECONDS = 0.25
_OWN = ("turnout", "envoy")
_POD = re.compile(r"-[a-z0-9]{5}$")


def table(instance: Instance) -> Mapping[str, View]:
    """The views of one instance, by name."""

    async def show_status(request: ViewRequest) -> Any:
        with suppress(TimeoutError):  # then those of the last look
            async with asyncio.timeout(LOOK_SECONDS):
                await instance.telemetry.look()
        return status(instance)

    async def show_graph(request: ViewRequest) -> Any:
        return await graph(instance, request, time.time())

    async def show_series(request: ViewRequest) -> Any:
        return await series(instance, request, time.time())

    async def show_traces(request: ViewRequest) -> Any:
        return await traces.show(instance.traces, request, time.time())

    async def show_routes(request: ViewRequest) -> Any:
        return routes(instance)

    async def show_access(request: ViewRequest) -> AsyncIterator[str]:
        return access(instance, request.query)

    async def show_logs(request: ViewRequest) -> AsyncIterator[str]:
        return _logs(instance, request.query)

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
        "traces": show_traces,
        "traces/": show_traces,
        "routes": show_routes,
        "history": history,
        "down": down,
    }


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


def _logs(instance: Instance, query: Mapping[str, str]) -> AsyncIterator[str]:
    """`workload` (a Deployment, a pod, `turnout` or `envoy`; all when empty), `follow`, `lines`."""
    wanted, lines = query.get("workload", ""), _count(query.get("lines", str(DEFAULT_LINES)))
    if not wanted:
        paths = {pod.name: _path(instance, pod.name) for pod in instance.pods()}
    else:
        names = [pod.name for pod in instance.pods() if wanted in (pod.workload, pod.name)]
        names += [wanted] if wanted in _OWN else []
        paths = {name: _path(instance, name) for name in names} or _past(instance.state.logs, wanted)
    if not paths:
        known = sorted({pod.workload for pod in instance.pods()} | set(_OWN))
        raise ApiError(404, "NotFound", f"no workload is called {wanted}", f"known: {', '.join(known)}")
    return merged(paths, lines, following=query.get("follow") == "1")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ApiError(400, "BadRequest", f"{text!r} is no number of lines")
    return min(int(text), MOST_LINES)


def _path(instance: Instance, name: str) -> Path:
    return instance.state.logs / f"{name}.log"


def _past(logs: Path, wanted: str) -> dict[str, Path]:
    """Logs of pods that are gone, the newest of the workload; `wanted` is a name, never a path."""
    found = [path for path in logs.glob("*.log") if path.stem == wanted or _POD.sub("", path.stem) == wanted]
    newest = sorted(found, key=lambda path: path.stat().st_mtime)[-1:]
    return {path.stem: path for path in newest}


async def merged(paths: Mapping[str, Path], lines: int, *, following: bool) -> AsyncIterator[str]:
    """Several logs as one, each line headed by its pod when there is more than one."""
    queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=1000)

    async def read(name: str, path: Path) -> None:
        prefix = f"{name} | " if len(paths) > 1 else ""
        async for line in follow(path, lines, following):
            await queue.put(prefix + line)
        await queue.put(None)

    tasks = [asyncio.create_task(read(name, path)) for name, path in sorted(paths.items())]
    open_logs = len(tasks)
    try:
        while open_logs:
            line = await queue.get()
            if line is None:
                open_logs -= 1
            else:
                yield line
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
