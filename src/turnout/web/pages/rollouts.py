"""`/rollouts`: every rollout, and one of them live: its steps, its guards, and the buttons that steer it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from turnout.error import TurnoutError
from turnout.web.figure import UNKNOWN
from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.prose import prose
from turnout.web.rollout import split
from turnout.web.rollout.events import Events
from turnout.web.rollout.guards import Guards
from turnout.web.rollout.orders import Orders
from turnout.web.rollout.story import (
    PHASES,
    Shown,
    ending,
    foremost,
    key,
    news,
    ordered,
    phase,
    place,
    stations,
    title,
    took,
    why,
)
from turnout.web.rollout.track import Track
from turnout.web.table import Cell, Row, Table, figures
from turnout.web.visit import Visit

PAST_SECONDS = 3.0
"""How often looks and events are asked for: those of ten minutes weigh a quarter of a megabyte."""
FIRST = "Start one with `turnout rollout start reviews --to v2`, or apply a file with a Rollout."
TEACHES = (
    "A rollout moves traffic from one version to another in steps: from copies that no user sees, over one percent, to "
    "all. It goes on only when its guards have shown that the new version is no worse, and back by itself when it is."
)


def build(visit: Visit) -> None:
    """The list, and below it the one that was chosen, or that is under way."""
    _Rollouts(visit)


class _Rollouts:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._chosen = visit.query.get("at", "")
        self._watched = ""
        self._leave: Callable[[], None] = lambda: None
        with tag("div", classes="toolbar"):
            tag("h1", "Rollouts")
        with tag("section", classes="card well teaches", hidden=True) as self._none:
            tag("h2", "No rollout yet")
            prose("p", FIRST)
            tag("p", TEACHES, classes="muted")
        self._panel = _Panel(visit)
        with tag("section", classes="card rollout-list", hidden=True) as self._all:
            tag("h2", "All rollouts")
            columns = ("Rollout", "Service", "State", "Step", "#Began", "#Took")
            self._table = Table("All rollouts", columns)
        visit.watch("rollouts", self._show)

    def _show(self, rollouts: Sequence[Shown]) -> None:
        self._none.set(hidden=bool(rollouts))
        self._all.set(hidden=not rollouts)
        self._table.show(rows(rollouts, time.time()))
        found = foremost(rollouts)
        self._follow(self._chosen or (key(found) if found else ""))
        shown = next((rollout for rollout in rollouts if key(rollout) == self._watched), None)
        if shown is not None:
            self._panel.show(shown)

    def _follow(self, wanted: str) -> None:
        if wanted == self._watched:
            return
        self._leave()
        self._watched = wanted
        self._panel.begin(wanted)
        if wanted:
            self._leave = self._visit.watch(
                f"rollouts/{wanted}", self._panel.know, every_seconds=PAST_SECONDS, fail=self._panel.fail
            )


class _Panel:
    """One rollout, live or as it ended."""

    def __init__(self, visit: Visit) -> None:
        self._past: Shown = {}
        self._gone = tag("p", classes="card bad", role="alert", hidden=True)
        with tag("section", classes="rollout", hidden=True, aria_label="The rollout") as self._panel:
            with tag("div", classes="card rollout-head"):
                self._head()
                self._orders = Orders(visit)
            with tag("section", classes="card", aria_label="Steps") as self._steps:
                self._track = Track()
            with tag("div", classes="rollout-columns") as self._columns:
                with tag("section", classes="card"):
                    self._judged = tag("h2", "Guards of this step")
                    self._guards = Guards()
                with tag("section", classes="card split"):
                    tag("h2", "Where requests go")
                    self._split = figures((name, UNKNOWN) for name, _ in split.rows({"spec": {}}))
            with tag("section", classes="card"):
                tag("h2", "What happened")
                self._events = Events()

    def _head(self) -> None:
        with tag("div", classes="rollout-title"):
            self._name = tag("h2")
            self._phase = tag("span", classes="pill")
            self._what = tag("span", classes="muted")
            self._news = tag("span", classes="for-readers", role="status")
        self._why = tag("p", classes="rollout-why")
        self._ending = tag("p", classes="muted")

    def begin(self, wanted: str) -> None:
        """Another one, of which nothing is known yet; or none."""
        self._gone.set(hidden=True)
        self._panel.set(hidden=True)
        self._orders.forget()
        self._past = {}
        self._name.say(wanted)

    def know(self, rollout: Shown) -> None:
        """With its looks and events."""
        self._past = {"looks": rollout["looks"], "events": rollout["events"]}
        self.show(rollout)

    def show(self, rollout: Shown) -> None:
        """As it is now, with what is known of its past."""
        rollout, now = {**rollout, **self._past}, time.time()
        self._panel.set(hidden=False)
        self._gone.set(hidden=True)
        self._show_head(rollout, now)
        self._orders.show(rollout)
        found = stations(rollout, now)
        for part in (self._steps, self._columns):
            part.set(hidden=not found)
        self._track.show(found)
        self._judged.say("Guards of this step" if not ended(rollout) else "Guards of the last step")
        self._guards.show(rollout)
        for name, words in split.rows(rollout):
            self._split[name].say(words)
        if self._past:
            self._events.show(rollout["events"])

    def _show_head(self, rollout: Shown, now: float) -> None:
        called, tone = PHASES.get(phase(rollout), ("waiting", ""))
        self._name.say(rollout["name"])
        self._phase.say(called)
        self._phase.toned(tone)
        self._what.say(", ".join(filter(None, (title(rollout), place(rollout), took(rollout, now)))))
        self._news.say(news(rollout))
        self._why.say(why(rollout))
        self._ending.say(ending(rollout))
        self._ending.set(hidden=not ending(rollout))

    def fail(self, error: TurnoutError) -> None:
        """It is not there, or no more."""
        self._panel.set(hidden=True)
        self._gone.say(f"{error.message}: {error.hint}" if error.hint else error.message)
        self._gone.set(hidden=False)


def ended(rollout: Shown) -> bool:
    """Whether it is a story by now."""
    return phase(rollout) in ("aborted", "finished", "refused")


def rows(rollouts: Sequence[Shown], now: float) -> Iterator[Row]:
    """Those under way first."""
    for rollout in ordered(rollouts):
        called, tone = PHASES.get(phase(rollout), ("waiting", ""))
        began = (rollout.get("status") or {}).get("startedAt")
        yield (
            Cell(key(rollout), href=f"/rollouts?at={quote(key(rollout))}"),
            title(rollout),
            Cell(called, tone),
            place(rollout).removeprefix("step ") or UNKNOWN,
            f"{datetime.fromtimestamp(began).astimezone():%d %b %H:%M:%S}" if began else UNKNOWN,
            took(rollout, now) or UNKNOWN,
        )


PAGE = Page("/rollouts", "Rollouts", build)
