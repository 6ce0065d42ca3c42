"""Traces: spans taken in from Envoy, kept, searched, and sent on to a collector."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from turnout.apiserver.view import ViewRequest
from turnout.control.mishaps import Mishaps
from turnout.control.question import number
from turnout.control.state import StateDir
from turnout.control.store_thread import StoreThread
from turnout.error import ApiError, StateBroken
from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.telemetry.span import Span, Trace
from turnout.telemetry.spans import SPANS, Search, Spans
from turnout.xds import zipkin
from turnout.xds.bootstrap import SPANS_SOCKET
from turnout.xds.otlp import Endpoint, Forwarder
from turnout.xds.spans import SpanReceiver

WRITE_SECONDS = 0.5
MOST_WAITING_BYTES = 2 << 20
"""Of what has come since the last writing: some 3,500 spans, each of which takes 40 us. More are only counted."""
MOST_LISTED = 1000
LONGEST_MS = 1e9
A_DAY_SECONDS = 86_400.0
ANY_AGE_SECONDS = 365 * A_DAY_SECONDS

_ID = re.compile(r"[0-9a-f]{1,32}")
_STATUS = re.compile(r"\d{1,3}|[1-5]xx|error")


class Traces:
    """What Envoy sends is read in the store's thread, where it takes no time from changes."""

    def __init__(self, state: StateDir, mishaps: Mishaps, collector: Endpoint | None = None) -> None:
        """Raises EnvoyFailed when the socket, in the runtime folder, would have too long a path."""
        self.dropped = 0
        """Spans that were too many, or could not be written."""
        self.forwarder = Forwarder(collector) if collector else None
        self._receiver = SpanReceiver(state.runtime / SPANS_SOCKET, self._take)
        self._mishaps = mishaps
        self._thread = StoreThread(state.path / "traces.db", SPANS, Spans)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._broken: StateBroken | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Raises EnvoyFailed when the socket cannot be bound."""
        await self._receiver.start()
        self._tasks = [asyncio.create_task(self._for_ever("spans", self._write))]
        if self.forwarder is not None:
            self._tasks.append(asyncio.create_task(self._for_ever("the collector", self.forwarder.run)))

    async def close(self) -> None:
        """What Envoy has sent last is written and sent on, if that can be done at once. Closing twice is fine."""
        await self._receiver.stop()
        if self._tasks:
            await self._write()
            if self.forwarder is not None:
                await self.forwarder.close()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._thread.close()

    async def _for_ever(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            with self._mishaps.surviving(what, fatal=False):
                await work()
            await asyncio.sleep(WRITE_SECONDS)

    def problems(self) -> list[Problem]:
        """That the spans cannot be kept, or the collector does not take them."""
        found = []
        if self._broken is not None:
            found.append(problem("TNO404", None, self._broken.message, self._broken.hint))
        if self.forwarder is not None and self.forwarder.failing:
            # How many were dropped is told elsewhere: a problem whose words change is a new one each time.
            where = self.forwarder.endpoint.address
            message = f"the collector at {where} takes no spans: {self.forwarder.failing}"
            found.append(problem("TNO408", None, message))
        return found

    # --- what comes in

    def _take(self, body: bytes) -> None:
        if self._waiting_bytes + len(body) <= MOST_WAITING_BYTES:
            self._waiting.append(body)
            self._waiting_bytes += len(body)
        else:
            self.dropped += zipkin.count(body)

    async def _write(self) -> None:
        bodies, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not bodies:
            return
        spans = await self._thread.run(lambda: [span for body in bodies for span in zipkin.spans(body)])
        if self.forwarder is not None:
            self.forwarder.offer(spans)
        try:
            self.dropped += await self._thread.ask(lambda store: store.add(spans))
            self._broken = None
        except StateBroken as error:
            self.dropped += len(spans)
            self._broken = error

    # --- what is asked

    async def search(self, search: Search) -> list[Trace]:
        """The latest first, with what has come until now. Raises StateBroken."""
        await self._write()
        return await self._thread.ask(lambda spans: spans.search(search))

    async def trace(self, prefix: str) -> Trace:
        """The one whose id begins so. Raises ApiError when there is none, or more than one, and StateBroken."""
        await self._write()
        found = await self._thread.ask(lambda spans: spans.ids(prefix))
        if len(found) > 1:
            raise ApiError(409, "Conflict", f"more than one trace's id begins with {prefix}", "write more of it")
        trace = await self._thread.ask(lambda spans: spans.trace(found[0])) if found else None
        if trace is None:
            hint = "only sampled requests are traced, and the oldest traces go first: see `turnout traces`"
            raise ApiError(404, "NotFound", f"there is no trace {prefix}", hint)
        return trace


async def show(traces: Traces, request: ViewRequest, now: float) -> Any:
    """The view `traces`: a list, or one trace where more of the path names it. `now`: unix seconds."""
    if request.rest:
        if not _ID.fullmatch(request.rest.lower()):
            raise ApiError(400, "BadRequest", f"{request.rest} is no trace id", "it has up to 32 hexadecimal digits")
        return whole(await traces.trace(request.rest.lower()))
    found = await traces.search(wanted(request.query, now))
    return {
        "traces": [summary(trace) for trace in found],
        "dropped": traces.dropped,
        "collector": _collector(traces.forwarder) if traces.forwarder else None,
    }


def _collector(forwarder: Forwarder) -> dict[str, Any]:
    return {
        "address": forwarder.endpoint.address,
        "sent": forwarder.sent,
        "dropped": forwarder.dropped,
        "failing": forwarder.failing,
    }


def wanted(query: Mapping[str, str], now: float) -> Search:
    """Raises ApiError."""
    status = query.get("status", "").lower()
    if status and not _STATUS.fullmatch(status):
        raise ApiError(400, "BadRequest", f"status={status} is no status", "such as 503, 5xx or error")
    mirrored = query.get("mirrored", "")
    seconds = number(query, "seconds", 0.0, least=0.0, most=ANY_AGE_SECONDS)
    return Search(
        service=query.get("service", ""),
        workload=query.get("workload", ""),
        status=status,
        mirrored=None if mirrored == "" else mirrored in ("1", "true"),
        min_ms=number(query, "min_ms", 0.0, least=0.0, most=LONGEST_MS) or None,
        max_ms=number(query, "max_ms", 0.0, least=0.0, most=LONGEST_MS) or None,
        since=now - seconds if seconds else None,
        limit=int(number(query, "limit", 50, least=1, most=MOST_LISTED)),
    )


def summary(trace: Trace) -> dict[str, Any]:
    """One trace of the list."""
    root = trace.root
    return {
        "trace_id": root.trace_id,
        "at": trace.at,
        "duration_ms": round(trace.duration_ms, 3),
        "name": f"{root.method} {root.path}".strip() or root.name,
        "service": root.service,
        "source": root.source,
        "spans": len(trace.spans),
        "status": root.status,
        "error": trace.error,
        "mirrored": trace.mirrored,
    }


def whole(trace: Trace) -> dict[str, Any]:
    """One trace with its spans, by their beginning."""
    return {**summary(trace), "spans": [_shown(span) for span in trace.spans]}


def _shown(span: Span) -> dict[str, Any]:
    hidden = {"trace_id", "handed_over"}
    return {name: getattr(span, name) for name in Span.__slots__ if name not in hidden}
