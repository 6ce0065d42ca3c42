"""Requests as they pass, for whoever follows them. Envoy tells of them only as long as somebody does."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from turnout.compiler.request_log import SWITCH
from turnout.control.question import number
from turnout.error import ApiError, EnvoyFailed
from turnout.mesh.proxy import GATEWAY_WORKLOAD
from turnout.process import Identity
from turnout.telemetry.access import Request, Wanted, is_status, line
from turnout.xds.access import AccessLogService

if TYPE_CHECKING:
    from turnout.control.instance import Instance

MOST_SECONDS = 86_400.0
MOST_LINES = 1_000_000_000
MOST_WAITING = 2_000
"""Requests that a follower has not taken yet; those beyond are dropped, and it is told how many."""
AT_ONCE = 500
PAUSE_SECONDS = 0.1
"""Between one piece of at most AT_ONCE lines and the next."""
LOOK_SECONDS = 0.5
SWITCH_SECONDS = 5.0

_DROPPED = "access_logs.grpc_access_log.logs_dropped"


class Admin(Protocol):
    """What is needed of Envoy."""

    @property
    def identity(self) -> Identity | None:
        """Another one after every respawn."""

    async def admin(self, method: str, path: str) -> tuple[int, bytes]:
        """Raises EnvoyFailed."""


class Dropped:
    """Requests that Envoy could not get rid of; it does not know whose those are, nor which of its logs' they were."""

    def __init__(self, envoy: Admin) -> None:
        self._envoy = envoy
        self._known: tuple[Identity | None, int] = (None, 0)

    async def more(self) -> int:
        """Since the last question to the same Envoy."""
        envoy = self._envoy.identity
        try:
            _, body = await self._envoy.admin("GET", f"/stats?filter=^{_DROPPED}$")
        except EnvoyFailed:
            return 0
        known, self._known = self._known, (envoy, int(body.rpartition(b":")[2] or 0))
        return self._known[1] - known[1] if known[0] == envoy else 0


class Follower:
    """What one reader is still to be sent."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._waiting: deque[Request] = deque()
        self._dropped = 0
        self._something = asyncio.Event()

    def take(self, requests: Sequence[Request]) -> None:
        """Keeps what is wanted, and counts what is too much."""
        wanted = [request for request in requests if self._wanted.includes(request)]
        room = MOST_WAITING - len(self._waiting)
        self._waiting.extend(wanted[:room])
        self.drop(len(wanted[room:]))
        if wanted:
            self._something.set()

    def drop(self, requests: int) -> None:
        """So many were not kept, by us or by Envoy."""
        if requests:
            self._dropped += requests
            self._something.set()

    async def something(self, deadline: float | None) -> bool:
        """Waits until there is something to say; False once the loop's clock says that it is too late."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._something.wait()
        return deadline is None or asyncio.get_running_loop().time() < deadline

    def requests(self, most: int) -> list[Request]:
        """The oldest ones, which are then no longer kept."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        if not self._waiting and not self._dropped:
            self._something.clear()
        return taken

    def dropped(self) -> int:
        """How many since the last question."""
        dropped, self._dropped = self._dropped, 0
        if not self._waiting:
            self._something.clear()
        return dropped


class AccessLog:
    """Counts followers, and has Envoy's switch on while there are some: also in an Envoy that came after they did."""

    def __init__(self, envoy: Admin, service: AccessLogService) -> None:
        self._envoy = envoy
        self._service = service
        self._followers: list[Follower] = []
        self._changed = asyncio.Event()
        self._set = asyncio.Event()
        self._switched: tuple[Identity | None, int] | None = None
        self._dropped = Dropped(envoy)

    async def keep(self) -> None:
        """Sets the switch whenever it is not as it should be, in the beginning too: for ever."""
        while True:
            self._changed.clear()
            await self._switch()
            if self._followers:
                dropped = await self._dropped.more()
                for follower in self._followers:
                    follower.drop(dropped)
            settled = self._switched == self._wanted()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if settled and not self._followers else LOOK_SECONDS):
                    await self._changed.wait()

    async def lines(self, wanted: Wanted, seconds: float | None, most: int | None) -> AsyncIterator[str]:
        """JSON, several lines at a time: requests from now on, up to `most` of them, for so many seconds.

        Between them, `{"dropped": n}` where n requests were too many to be sent.
        """
        follower = Follower(wanted)
        self._join(follower)
        try:
            await self._on()
            deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
            left = MOST_LINES if most is None else most
            while left > 0 and await follower.something(deadline):
                requests = follower.requests(min(left, AT_ONCE))
                left -= len(requests)
                yield "\n".join(_lines(requests, follower.dropped()))
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._leave(follower)

    def _join(self, follower: Follower) -> None:
        self._followers.append(follower)
        self._service.followers.add(follower.take)
        self._changed.set()

    def _leave(self, follower: Follower) -> None:
        self._followers.remove(follower)
        self._service.followers.discard(follower.take)
        self._changed.set()

    async def _on(self) -> None:
        """Until Envoy tells of requests; not for ever, as one that does not answer may not serve any either."""
        if self._switched != self._wanted():
            self._set.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(SWITCH_SECONDS):
                    await self._set.wait()

    def _wanted(self) -> tuple[Identity | None, int]:
        return self._envoy.identity, 100 if self._followers else 0

    async def _switch(self) -> None:
        wanted = self._wanted()
        if self._switched == wanted:
            return
        self._switched = None  # until it has answered, nobody knows
        with suppress(EnvoyFailed):
            status, _ = await self._envoy.admin("POST", f"/runtime_modify?{SWITCH}={wanted[1]}")
            if status == 200:
                self._switched = wanted
                self._set.set()


def _lines(requests: Sequence[Request], dropped: int) -> Iterator[str]:
    yield from map(line, requests)
    if dropped:
        yield json.dumps({"dropped": dropped})


def access(instance: Instance, query: Mapping[str, str]) -> AsyncIterator[str]:
    """The view: `workload`, `service`, `status` (several by commas), and when to end: `seconds`, `lines`."""
    wanted = Wanted(query.get("workload", ""), query.get("service", ""), _statuses(query.get("status", "")))
    if wanted.workload:
        _require_known(instance, wanted.workload)
    seconds = number(query, "seconds", 0, least=0, most=MOST_SECONDS) if query.get("seconds") else None
    lines = int(number(query, "lines", 0, least=0, most=MOST_LINES)) if query.get("lines") else None
    return instance.access.lines(wanted, seconds, lines)


def _statuses(text: str) -> tuple[str, ...]:
    statuses = tuple(status.strip() for status in text.split(",") if status.strip())
    for status in statuses:
        if not is_status(status):
            raise ApiError(400, "BadRequest", f"{status!r} is no status", "give 404, or 5xx for all of a class")
    return statuses


def _require_known(instance: Instance, name: str) -> None:
    """A name that is spelt wrong would else show nothing, for ever."""
    hosts = instance.world.mesh.services.values()
    names = {GATEWAY_WORKLOAD} | {pod.workload for pod in instance.pods()} | {host.name for host in hosts}
    names |= {deployment.metadata.name for deployment in instance.world.deployments}
    if name not in names and name not in instance.world.mesh.services:
        raise ApiError(
            404, "NotFound", f"no workload or service is called {name}", f"known: {', '.join(sorted(names))}"
        )
