"""Rollouts move on: the engine in a thread of its own, and what there is to see of them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from turnout.apiserver.store import Event, Store
from turnout.apiserver.view import ViewRequest
from turnout.client import Client
from turnout.control.access import Admin, Dropped
from turnout.control.mishaps import Mishaps
from turnout.control.state import StateDir
from turnout.control.store_thread import StoreThread
from turnout.control.strays import mark
from turnout.control.users import UserCounts
from turnout.controller.election import others
from turnout.error import ApiError
from turnout.evidence.embedded import Embedded
from turnout.resources.kinds import LEASE, ROLLOUT
from turnout.rollout import engine
from turnout.rollout.history import HISTORY, History
from turnout.rollout.hooks import Hooks, Outcome
from turnout.rollout.order import order_of
from turnout.rollout.site import Site
from turnout.xds.access import AccessLogService

LOOK_SECONDS = 1.0
CALL_SECONDS = 20.0
"""No call of the API lasts longer: it is our own."""
MOST_OUTCOMES = 1000
"""Of hooks, until the next look writes them down."""


class Rollouts:
    """The engine asks the API, as it would ask any other; so it may wait, and nothing waits for it."""

    def __init__(
        self, state: StateDir, store: Store, mishaps: Mishaps, requests: AccessLogService, envoy: Admin
    ) -> None:
        """`requests`: as Envoy tells of them, those of sticky splits among them."""
        self._state = state
        self._store = store
        self._mishaps = mishaps
        self._thread = StoreThread(state.path / "rollouts.db", HISTORY, History)
        self._reading = StoreThread(state.path / "rollouts.db", HISTORY, History)
        """Whoever looks at the past does not wait for a look at the evidence."""
        self._users = UserCounts(state.path / "users.db", requests)
        self._dropped = Dropped(envoy)
        self._client: Client | None = None
        self._outcomes: deque[Outcome] = deque(maxlen=MOST_OUTCOMES)
        self._news = asyncio.Event()
        store.subscribe(self._heard)
        self._hooks = Hooks(state.path.parent, mark(state), self._outcomes.append)

    async def run(self, serving: asyncio.Event) -> None:
        """For ever, once requests are served: a look a second, and one whenever somebody orders something."""
        await serving.wait()
        there_were = True
        while True:
            self._news.clear()
            there_are = bool(self._store.list(ROLLOUT))
            if there_are or there_were:  # once more when the last one is gone: its comparison is to end
                with self._mishaps.surviving("the rollouts", fatal=False), self._mishaps.recording():
                    if self._users.counting:
                        self._users.untold(await self._dropped.more())
                    await self._thread.ask(self._look)
                    await self._thread.run(partial(self._users.tidy, none_left=not there_are))
            there_were = there_are
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()

    def _heard(self, event: Event) -> None:
        if event.kind == ROLLOUT and not event.status_only and (event.type == "ADDED" or order_of(event.object)):
            self._news.set()

    def _look(self, history: History) -> None:
        if self._client is None:
            self._client = Client.from_state(self._state.path, CALL_SECONDS)
        self._tell_outcomes(history)
        source = Embedded(self._client)
        tell, users = self._hooks.offer, self._users.count
        site = Site(self._client, source, history, tell, users, time.time, instance=self._client)
        engine.tick(site, others(self._client.list(LEASE)["items"], time.time()))

    def _tell_outcomes(self, history: History) -> None:
        """Of hooks that were told there is nothing to say."""
        while self._outcomes:
            outcome = self._outcomes.popleft()
            if outcome.failure:
                event = {"at": round(time.time(), 3), "what": "hook", "step": outcome.step, "text": outcome.text}
                detail = {"hook": outcome.hook, "event": outcome.what, "tries": outcome.tries}
                history.tell(outcome.namespace, outcome.rollout, {**event, "verdicts": [], "detail": detail})

    async def close(self) -> None:
        """The look under way is finished first; hooks are ended."""
        await asyncio.to_thread(self._hooks.close)
        await self._thread.run(self._users.close)
        await self._thread.close()
        await self._reading.close()

    # --- what there is to see

    async def view(self, request: ViewRequest) -> Any:
        """All Rollouts; with `<namespace>/<name>` one, with its events and latest looks. Raises ApiError."""
        if not request.rest:
            return [_shown(obj) for obj in self._store.list(ROLLOUT)]
        namespace, _, name = request.rest.partition("/")
        obj = self._store.get(ROLLOUT, namespace, name)
        if obj is None:
            raise ApiError(404, "NotFound", f"there is no rollout {request.rest}", "turnout rollout status lists them")
        events, looks = await self._reading.ask(lambda it: (it.events(namespace, name), it.looks(namespace, name)))
        return {**_shown(obj), "events": events, "looks": looks}


def _shown(obj: Mapping[str, Any]) -> dict[str, Any]:
    """All but what only the engine reads."""
    status = {key: value for key, value in (obj.get("status") or {}).items() if key != "engine"}
    meta = obj["metadata"]
    return {"namespace": meta["namespace"], "name": meta["name"], "spec": obj["spec"], "status": status}
