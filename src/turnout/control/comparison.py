"""One comparison at a time: begun, followed, ended, and kept; it outlives a Turnout that is killed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from turnout.apiserver.store import Store
from turnout.apiserver.view import View, ViewRequest
from turnout.capture import child
from turnout.capture.config import ComparerConfig
from turnout.control.comparison_archive import Archive
from turnout.control.comparison_order import Order, ordered
from turnout.control.journal import ChangeHistory
from turnout.control.mishaps import Mishaps
from turnout.control.state import StateDir
from turnout.control.steering import Steered, Steering
from turnout.control.strays import mark
from turnout.delivery.comparison.expectation import FILE_NAME
from turnout.delivery.steering import subsets
from turnout.error import ApiError, TurnoutError
from turnout.resources.kinds import DESTINATION_RULE

LOOK_SECONDS = 0.25
IN_FLIGHT_SECONDS = 1.2
"""A copy has a second. Whoever stops listening as soon as no more are made would miss the last answers."""

Json = dict[str, Any]


class Comparer(Protocol):
    """The process that takes answers and judges them (`capture.child.Comparer`)."""

    latest: Json
    tally: Json | None

    async def start(self, config: ComparerConfig, tally: Json | None = None) -> None: ...

    async def stop(self) -> Json: ...


@dataclass(slots=True)
class Comparison:
    """What is known of one. `report`: what its comparer said last. Times are unix seconds."""

    id: str
    order: Order
    started: float
    steered: Steered | None = None
    ended: float | None = None
    why: str = ""
    report: Json | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event, compare=False)

    @property
    def ends(self) -> float | None:
        """At the latest."""
        return None if self.order.seconds is None else self.started + self.order.seconds

    def shown(self) -> Json:
        """As the view has it."""
        order = self.order
        return {
            "running": self.ended is None,
            "id": self.id,
            "service": order.service,
            "namespace": order.namespace,
            "from": order.stable,
            "to": order.candidate,
            "route": order.route,
            "by": order.by,
            "sample": order.sample,
            "methods": list(order.methods),
            "baseline_percent": order.baseline_percent,
            "expectations": order.expectations,
            "started": self.started,
            "ends": self.ends,
            "ended": self.ended,
            "why": self.why,
            "until_sure": order.until_sure,
            "report": self.report,
        }

    def summary(self) -> Json:
        """As the list has it: without what was found in detail."""
        report = None if self.report is None else {key: self.report[key] for key in self.report if key != "report"}
        return self.shown() | {"report": report}

    def as_json(self) -> Json:
        """For `from_json`."""
        return {
            "id": self.id,
            "order": self.order.as_json(),
            "started": self.started,
            "steered": self.steered.as_json() if self.steered else None,
            "ended": self.ended,
            "why": self.why,
            "report": self.report,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Comparison:
        """What `as_json` gave. KeyError, TypeError: another version wrote it."""
        steered = Steered.from_json(data["steered"]) if data["steered"] else None
        order = Order.from_json(data["order"])
        return cls(data["id"], order, data["started"], steered, data["ended"], data["why"], data["report"])


class Comparisons:
    """`start` and `stop` one; `resume` it after a crash; `close` ends it with Turnout."""

    def __init__(
        self,
        store: Store,
        steering: Steering,
        archive: Archive,
        mishaps: Mishaps,
        *,
        settled: Callable[[], Awaitable[None]],
        comparer: Callable[[], Comparer],
        config: Callable[[Order], ComparerConfig],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`settled` waits until Envoy serves what is written; `clock`: unix seconds."""
        self._store = store
        self._steering = steering
        self._archive = archive
        self._mishaps = mishaps
        self._settled = settled
        self._comparer = comparer
        self._config = config
        self._clock = clock
        self._current: Comparison | None = None
        self._task: asyncio.Task[None] | None = None
        self._summaries: dict[str, Json] = {}
        """Of those that have ended: a report may have megabytes, and takes time to read."""

    # --- what is asked

    def latest(self) -> Comparison | None:
        """The one that runs, else the one that ran last."""
        if self._current is None:
            ids = self._archive.ids()
            self._current = self._kept(ids[-1]) if ids else None
        return self._current

    async def find(self, id: str) -> Comparison:  # noqa: A002 - the API's word
        """Raises ApiError 404."""
        current = self.latest()
        found = current if current is not None and current.id == id else await asyncio.to_thread(self._kept, id)
        if found is None:
            raise ApiError(404, "NotFound", f"there is no comparison {id}", "the last 20 are kept")
        return found

    async def everything(self) -> list[Json]:
        """All that are kept, the latest first, without what they found in detail."""
        current = self.latest()
        ids = [each for each in self._archive.ids() if current is None or each != current.id]
        summaries: dict[str, Json] = {}
        for each in reversed(ids):
            found = self._summaries.get(each) or await asyncio.to_thread(self._summary, each)
            summaries |= {each: found} if found else {}
        self._summaries = summaries
        return [*([current.summary()] if current else []), *summaries.values()]

    def _summary(self, id: str) -> Json | None:  # noqa: A002 - the API's word
        kept = self._kept(id)
        return kept.summary() if kept else None

    def _kept(self, id: str) -> Comparison | None:  # noqa: A002 - the API's word
        data = self._archive.load(id)
        with suppress(KeyError, TypeError):
            return Comparison.from_json(data) if data is not None else None
        return None

    # --- life

    async def start(self, order: Order) -> Comparison:
        """Raises ApiError: 409 while another one runs, 404 and 422 when there is nothing to compare."""
        self._require_idle()
        self._require_subsets(order)
        order = self._steering.named(order)
        comparison = Comparison(self._archive.fresh_id(), order, self._clock())
        self._archive.save(comparison.id, comparison.as_json())  # first: a crash must not leave copies that nobody ends
        before, self._current = self._current, comparison
        try:
            if order.steer:
                comparison.steered = self._steering.on(order, command(order))
                self._archive.save(comparison.id, comparison.as_json())
                await self._settled()
            await self._follow_from(comparison, None)
        except BaseException:
            self._current = before
            self._put_back(comparison)
            self._archive.discard(comparison.id)
            raise
        return comparison

    def _require_idle(self) -> None:
        running = self.latest()
        if running is not None and running.ended is None:
            what = f"{running.order.service}: {running.order.stable} with {running.order.candidate}"
            mine = running.order.by == "compare"
            hint = f"one at a time: wait for it, or `turnout {'compare stop' if mine else 'rollout abort'}`"
            raise ApiError(409, "Conflict", f"comparison {running.id} ({what}, by {running.order.by}) runs", hint)

    def _require_subsets(self, order: Order) -> None:
        """Copies to a subset that is not there would go nowhere, unseen."""
        known = subsets(self._store.list(DESTINATION_RULE), order.service)
        for subset in (order.stable, order.candidate):
            if subset not in known:
                listed = ", ".join(known)
                hint = f"subsets: {listed}" if known else "a DestinationRule names them: `turnout init` writes one"
                raise ApiError(404, "NotFound", f"{order.service} has no subset {subset}", hint)

    async def resume(self) -> None:
        """Goes on with what a Turnout that was killed had begun; if its time is over, that ends now."""
        comparison = self.latest()
        if comparison is None or comparison.ended is not None:
            return
        why = "a bug in Turnout ended it"
        with self._mishaps.surviving("the comparison", fatal=False):
            why = await self._resumed(comparison)
        if why:
            self._put_back(comparison)
            await self._finish(comparison, why, self._clock())

    async def _resumed(self, comparison: Comparison) -> str:
        """Why it does not go on; "": it does."""
        if comparison.ends is not None and self._clock() >= comparison.ends:
            return "its time was over before Turnout ran again"
        try:
            await self._follow_from(comparison, await asyncio.to_thread(self._archive.tally, comparison.id))
        except TurnoutError as error:
            return error.message
        return ""

    async def stop(self, comparison: Comparison, why: str) -> None:
        """Until it has ended and everything is as it was before."""
        comparison.why = comparison.why or why
        comparison.stop.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Turnout ends, and the comparison with it: nobody would listen to the copies. Closing twice is fine."""
        if self._task is not None and self._current is not None:
            await self.stop(self._current, "Turnout was stopped")

    # --- while it runs

    async def _follow_from(self, comparison: Comparison, tally: Json | None) -> None:
        comparer = self._comparer()
        await comparer.start(self._config(comparison.order), tally)
        self._task = asyncio.create_task(self._run(comparison, comparer, tally), name="comparison")

    async def _run(self, comparison: Comparison, comparer: Comparer, tally: Json | None) -> None:
        """To the end, whatever happens on the way: copies that nobody compares must not go on."""
        why = "a bug in Turnout ended it"
        with self._mishaps.surviving("the comparison", fatal=False):
            why = await self._followed(comparison, comparer, tally)
        ended = self._clock()
        self._put_back(comparison)
        await asyncio.sleep(IN_FLIGHT_SECONDS)
        with self._mishaps.surviving("the last answers", fatal=False):
            comparison.report = await comparer.stop()
        await self._finish(comparison, why, ended)

    async def _followed(self, comparison: Comparison, comparer: Comparer, tally: Json | None) -> str:
        """Until it is over, and why it is. What was known before a crash is shown until there is more."""
        silent = comparer.latest if comparison.report else None
        while not (why := self._over(comparison)):
            if comparer.latest is not silent:
                comparison.report = comparer.latest
            if comparer.tally is not tally:  # every few seconds
                tally = comparer.tally
                await self._save(comparison, tally)
            with suppress(TimeoutError):
                await asyncio.wait_for(comparison.stop.wait(), LOOK_SECONDS)
        return why

    def _over(self, comparison: Comparison) -> str:
        """Why it ends now; "": it does not."""
        report = comparison.report or {}
        if comparison.stop.is_set():
            return comparison.why
        if comparison.ends is not None and self._clock() >= comparison.ends:
            return "its time is over"
        if comparison.order.until_sure and report.get("settled"):
            return "more answers would hardly change it"
        if comparison.order.steer and not self._steering.flows(comparison.order):
            return "somebody else has changed the routes"
        return ""

    async def _save(self, comparison: Comparison, tally: Json | None) -> None:
        """In a thread: a tally may have megabytes."""
        with self._mishaps.recording():
            await asyncio.to_thread(self._archive.save, comparison.id, comparison.as_json())
            if tally is not None:
                await asyncio.to_thread(self._archive.save_tally, comparison.id, tally)

    def _put_back(self, comparison: Comparison) -> None:
        if comparison.order.steer:
            with self._mishaps.surviving("the end of the comparison", fatal=False), self._mishaps.recording():
                self._steering.off(comparison.order, comparison.steered)

    async def _finish(self, comparison: Comparison, why: str, ended: float) -> None:
        comparison.ended, comparison.why = ended, why
        await self._save(comparison, None)
        self._archive.forget_tally(comparison.id)


def command(order: Order) -> str:
    """As it stands in the history."""
    return f"compare {order.service.partition('.')[0]} --from {order.stable} --to {order.candidate}"


def comparisons(
    state: StateDir, store: Store, history: ChangeHistory, mishaps: Mishaps, settled: Callable[[], Awaitable[None]]
) -> Comparisons:
    """Those of one instance."""

    def config(order: Order) -> ComparerConfig:
        return ComparerConfig(
            admin_socket=str(state.runtime / "admin.sock"),
            host=order.service,
            stable=order.stable,
            candidate=order.candidate,
            redaction_key=state.redaction_key().encode().hex(),
            sample=order.sampled.regex,
            expectations=str(state.path.parent / (order.expectations or FILE_NAME)),
            share=order.share,
        )

    return Comparisons(
        store,
        Steering(store, history),
        Archive(state.path / "comparisons"),
        mishaps,
        settled=settled,
        comparer=lambda: child.Comparer(os.environ | mark(state), state.logs / "comparer.log"),
        config=config,
    )


# --- the views


def views(comparisons: Comparisons) -> Mapping[str, View]:
    """`comparison` is the latest, and POST starts or stops one; `comparison/<id>`; `comparisons`: all that are kept."""

    async def show(request: ViewRequest) -> Any:
        if request.method == "POST" and not request.rest:
            return await _carried_out(comparisons, request.body)
        found = await comparisons.find(request.rest) if request.rest else comparisons.latest()
        return {"running": False, "id": None} if found is None else found.shown()

    async def show_all(request: ViewRequest) -> Any:
        return await comparisons.everything()

    return {"comparison": show, "comparison/": show, "comparisons": show_all}


async def _carried_out(comparisons: Comparisons, body: Any) -> Any:
    given: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    match given.get("do"):
        case "start":
            return (await comparisons.start(ordered(given))).shown()
        case "stop":
            return await _stopped(comparisons, given.get("id"))
    raise ApiError(400, "BadRequest", "say what to `do`: start or stop")


async def _stopped(comparisons: Comparisons, wanted: object) -> Any:
    """One that has ended already is fine; another one than is meant is not stopped."""
    running = comparisons.latest()
    if running is None or (wanted is not None and str(wanted) != running.id):
        return (await comparisons.find(str(wanted))).shown()
    if running.ended is None:
        await comparisons.stop(running, "it was stopped")
    return running.shown()
