"""The view `usage`: what each pod's process takes of the machine."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from turnout.apiserver.view import ViewRequest
from turnout.process import cpu_seconds, rss_bytes

if TYPE_CHECKING:
    from turnout.control.instance import Instance

WINDOW_SECONDS = 0.25


async def usage(instance: Instance, request: ViewRequest) -> Any:
    """Of each pod that runs, as `namespace/name`: cores in use over a quarter of a second, and resident bytes."""
    pids = {f"{pod.namespace}/{pod.name}": pod.pid for pod in instance.pods() if pod.pid is not None}
    began, before = time.monotonic(), {name: cpu_seconds(pid) for name, pid in pids.items()}
    await asyncio.sleep(WINDOW_SECONDS)
    seconds = time.monotonic() - began
    found = {}
    for name, pid in pids.items():
        first, last, memory = before[name], cpu_seconds(pid), rss_bytes(pid)
        if first is not None and last is not None and memory is not None:
            found[name] = {"cores": max(last - first, 0.0) / seconds, "bytes": memory}
    return found
