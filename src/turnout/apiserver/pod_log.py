"""`kubectl logs`: what a pod's process prints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from turnout.apiserver import message
from turnout.apiserver.status import bad_request, not_found, path_not_found
from turnout.apiserver.store import Store
from turnout.apiserver.stream import Lines, Streams
from turnout.apiserver.view import View, ViewRequest, encoded
from turnout.resources.kinds import POD

ALL_LINES = 100_000
LOOK_SECONDS = 1.0
NOT_KEPT = {
    "sinceSeconds": "the logs hold no times",
    "sinceTime": "the logs hold no times",
    "timestamps": "the logs hold no times",
    "limitBytes": "the logs are read by lines: use tailLines (--tail)",
    "previous": "what the process printed before it was started again stands in the same log",
}
"""Parameters that cannot be carried out, and why."""


class PodLog:
    """The subresource `log` of Pods, from the view `logs`."""

    def __init__(self, store: Store, view: View | None, streams: Streams) -> None:
        self._store = store
        self._view = view
        self._streams = streams

    async def serve(self, request: Request) -> Response:
        """Plain text; without an end where `follow` asks for it. Raises StatusError 400, 404."""
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        pod = self._store.get(POD, namespace, name)
        if pod is None:
            raise not_found(POD, name)
        if self._view is None:
            raise path_not_found()
        query = _query(request, pod)
        lines = encoded(await self._view(ViewRequest("GET", query)))
        if query["follow"]:
            lines = _while_there(lines, lambda: self._store.get(POD, namespace, name) is not None)
        return self._streams.answer(lines, "text/plain")


async def _while_there(lines: Lines, is_there: Callable[[], bool]) -> Lines:
    """The lines, until the pod is gone and nothing more is told of it."""
    awaited = asyncio.ensure_future(anext(lines, None))
    try:
        while True:
            await asyncio.wait([awaited], timeout=LOOK_SECONDS)
            if awaited.done():
                line = awaited.result()
                if line is None:
                    return
                yield line
                awaited = asyncio.ensure_future(anext(lines, None))
            elif not is_there():
                return
    finally:
        awaited.cancel()
        await asyncio.gather(awaited, return_exceptions=True)
        await lines.aclose()


def _query(request: Request, pod: Mapping[str, Any]) -> Mapping[str, str]:
    asked = request.query_params
    for name, why in NOT_KEPT.items():
        if asked.get(name, "") not in ("", "0", "false"):
            raise bad_request(f"{name}: {why}")
    container, known = asked.get("container", ""), [each.get("name") for each in pod["spec"].get("containers") or ()]
    if container and container not in known:
        raise bad_request(f"container {container} is not valid for pod {pod['metadata']['name']}")
    lines = asked.get("tailLines", "") or str(ALL_LINES)
    follow = "1" if message.flag(request, "follow") else ""
    return {"workload": pod["metadata"]["name"], "lines": lines, "follow": follow}
