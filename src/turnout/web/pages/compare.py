"""`/compare`: how two versions answer the same requests: what differs, how sure that is, and what is not known."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from turnout.delivery.comparison.words import Json as Shown
from turnout.error import TurnoutError
from turnout.web.compare.report import (
    figures,
    line,
    news,
    option,
    part,
    remarks,
    title,
    verdict,
    what_it_is,
)
from turnout.web.compare.routes import Routes
from turnout.web.compare.start import Start
from turnout.web.field import Select
from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.prose import prose
from turnout.web.table import figures as figure_list
from turnout.web.visit import Visit

LIST_SECONDS = 3.0
LOOK_SECONDS = 2.0
"""A report may have megabytes."""
NEWEST = "the last one"
FIRST = "Start one below, or with `turnout compare reviews --to v2`."
TEACHES = (
    "While users are answered by the stable version, real requests are copied to the new one, and some of them to "
    "stable once more: what stable answers differently to itself is noise, what is left is the new version's doing."
)


def build(visit: Visit) -> None:
    """The one that runs, or the last one, or one that was chosen."""
    _Compare(visit)


class _Compare:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._leave: Callable[[], None] = lambda: None
        self._newest: Shown | None = None
        chosen = visit.query.get("id", "")
        with tag("div", classes="toolbar"):
            tag("h1", "Compare")
            self._which = Select("Comparison", {"": NEWEST}, chosen, self._choose)
            self._another = tag("a", "Start another", classes="push", href="#start", hidden=True)
        with tag("section", classes="card well teaches", hidden=True) as self._none:
            tag("h2", "Nothing was compared yet")
            prose("p", FIRST)
            tag("p", TEACHES, classes="muted")
        self._said = tag("p", classes="rule-said note", role="status", tabindex="-1")
        self._panel = _Panel(self._stop)
        self._start = Start(self._begin)
        visit.watch("status", self._start.know, every_seconds=LIST_SECONDS)
        visit.watch("comparisons", self._offer, every_seconds=LIST_SECONDS)
        visit.watch("comparison", self._show_newest, every_seconds=LOOK_SECONDS)
        if chosen:
            self._choose(chosen)

    # --- what comes in

    def _offer(self, comparisons: Sequence[Shown]) -> None:
        self._which.offer({"": NEWEST, **{str(each["id"]): option(each) for each in comparisons}})
        self._which.show(on=len(comparisons) > 1 or bool(self._which.chosen))

    def _show_newest(self, view: Shown) -> None:
        self._newest = view
        self._start.show(on=not view["running"])
        self._another.set(hidden=bool(view["running"] or not view["id"]))
        self._none.set(hidden=bool(view["id"] or self._which.chosen))
        if not self._which.chosen:
            self._panel.show(view)

    def _choose(self, which: str) -> None:
        """One of those that are kept; "": whichever is the newest."""
        self._leave()
        self._leave = lambda: None
        self._visit.remember(id=which)
        self._panel.hide()
        if which:
            self._leave = self._visit.watch(
                f"comparison/{which}", self._panel.show, every_seconds=LIST_SECONDS, fail=self._fail
            )
        elif self._newest is not None:
            self._panel.show(self._newest)

    # --- what is done

    async def _begin(self, order: Mapping[str, Any]) -> None:
        if await self._carry_out(order, "Started."):
            self._which.choose("")
            self._choose("")

    async def _stop(self) -> None:
        running = self._newest["id"] if self._newest else None
        await self._carry_out({"do": "stop", "id": running}, "Stopped. The routes are as they were before.")

    async def _carry_out(self, order: Mapping[str, Any], done: str) -> bool:
        self._said.run_method("focus")  # the button that was pressed goes away
        self._say("Starting…" if order["do"] == "start" else "Stopping…", "")
        try:
            view = await self._visit.ask(lambda client: client.post("comparison", order))
        except TurnoutError as error:
            self._fail(error)
            return False
        self._say(done, "good")
        self._show_newest(view)
        return True

    def _fail(self, error: TurnoutError) -> None:
        self._say(f"{error.message}: {error.hint}" if error.hint else error.message, "bad")

    def _say(self, text: str, tone: str) -> None:
        self._said.say(text)
        self._said.toned(tone)


class _Panel:
    """One comparison."""

    def __init__(self, stop: Callable[[], Any]) -> None:
        with tag("section", classes="compared", hidden=True, aria_label="The comparison") as self._panel:
            with tag("div", classes="card rollout-head"):
                self._head(stop)
            self._routes = Routes()

    def _head(self, stop: Callable[[], Any]) -> None:
        with tag("div", classes="rollout-title"):
            self._name = tag("h2")
            self._live = tag("span", "running", classes="pill good")
            self._verdict = tag("span", classes="pill")
            self._what = tag("span", classes="muted")
            self._news = tag("span", classes="for-readers", role="status")
        self._words = tag("p", classes="rollout-why")
        with tag("span", classes="station-bar compared-bar", aria_hidden="true") as self._bar:
            self._gone = tag("span")
        self._problem = tag("p", classes="bad", role="alert", hidden=True)
        self._figures = figure_list((name, "") for name, _ in figures({}))
        self._remarks = tag("ul", classes="lacks")
        self._remarked: list[str] = []
        with tag("p", classes="muted", hidden=True) as self._by:
            self._by_whom = tag("span")
            self._owner = tag("a", "see it", href="/rollouts")
        self._stop = tag("button", "Stop", classes="button", type="button", hidden=True)
        self._stop.on("click", stop)

    def hide(self) -> None:
        """Until there is an answer."""
        self._panel.set(hidden=True)

    def show(self, view: Shown) -> None:
        self._panel.set(hidden=not view["id"])
        if not view["id"]:
            return
        self._show_verdict(view)
        self._show_time(view, time.time())
        problem = line(view).get("problem")
        self._problem.say(str(problem or ""))
        self._problem.set(hidden=not problem)
        for name, words in figures(view):
            self._figures[name].say(words)
        self._show_remarks(list(remarks(view)))
        self._routes.show(view)

    def _show_verdict(self, view: Shown) -> None:
        said = verdict(view)
        self._name.say(title(view))
        self._verdict.say(said.called)
        self._verdict.toned(said.tone)
        self._words.say(said.words)
        self._news.say(news(view))

    def _show_time(self, view: Shown, now: float) -> None:
        own = view["by"] == "compare"
        self._live.set(hidden=not view["running"])
        self._what.say(what_it_is(view, now))
        gone = part(view, now)
        self._bar.set(hidden=gone is None)
        self._gone.set(style=f"width: {100 * (gone or 0):.0f}%")
        self._stop.set(hidden=not (view["running"] and own))
        self._by.set(hidden=own)
        self._by_whom.say(f"It belongs to {view['by']}, which ends it: ")
        self._owner.set(href=f"/rollouts?at={quote(str(view['by']).removeprefix('rollout '))}")

    def _show_remarks(self, wanted: list[str]) -> None:
        if wanted == self._remarked:
            return
        self._remarked = wanted
        self._remarks.clear()
        with self._remarks:
            for text in wanted:
                tag("li", text)


PAGE = Page("/compare", "Compare", build)
