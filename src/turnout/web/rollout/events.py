"""What happened to a rollout, the newest first, each with the evidence that it was decided on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from turnout.web.figure import milliseconds
from turnout.web.keyed import Keyed
from turnout.web.markup import Tag, tag
from turnout.web.rollout.story import Shown
from turnout.web.rollout.verdict import evidence
from turnout.web.table import Table

SHOWN = 100
TONES = {"finish": "good", "promote": "good", "abort": "bad", "halt": "bad", "pause": "warn", "change": "warn"}
COLUMNS = ("Guard", "Verdict", "Candidate", "Stable", "#Increase", "#Tolerated")


class Events:
    """Made once each: what somebody has opened stays open."""

    def __init__(self) -> None:
        self._empty = tag("p", "Nothing has happened yet.", classes="muted", hidden=True)
        self._events: Keyed[Shown] = Keyed(tag("ol", classes="events"), _Event)
        self._more = tag("p", classes="muted", hidden=True)

    def show(self, events: Sequence[Shown]) -> None:
        """As the view has them, the oldest first."""
        latest = reversed(events[-SHOWN:])
        self._events.show({(event["at"], event["what"], event.get("text")): event for event in latest})
        left_out = len(events[:-SHOWN])
        self._empty.set(hidden=bool(events))
        self._more.say(f"… and {left_out} before: turnout rollout history has them.")
        self._more.set(hidden=not left_out)


class _Event:
    def __init__(self) -> None:
        with tag("li", classes="event") as self._item:
            self._at = tag("time", classes="muted")
            self._what = tag("span", classes="pill")
            with tag("div") as self._body:
                self._text = tag("p")
        self._shown: Shown | None = None

    @property
    def element(self) -> Tag:
        return self._item

    def show(self, event: Shown) -> None:
        """Events do not change."""
        if self._shown is not None:
            return
        self._shown = event
        when = datetime.fromtimestamp(event["at"]).astimezone()
        self._at.say(f"{when:%H:%M:%S}")
        self._at.set(datetime=when.isoformat(timespec="seconds"), title=f"{when:%d %b %Y %H:%M:%S}")
        self._what.say(str(event["what"]))
        self._what.toned(TONES.get(event["what"], ""))
        self._text.say(str(event.get("text") or ""))
        with self._body:
            self._show_evidence(event)

    def _show_evidence(self, event: Shown) -> None:
        verdicts, detail = event.get("verdicts") or (), details(event.get("detail"))
        if not verdicts and not detail:
            return
        with tag("details", classes="unfold evidence"):
            tag("summary", "Evidence" if verdicts else "Details")
            for words in detail:
                tag("p", words, classes="muted")
            if verdicts:
                Table(f"Evidence of {event['what']} at {self._at.text}", COLUMNS).show(map(evidence, verdicts))


def details(detail: Any) -> list[str]:
    """Whatever it is, in lines: `served seconds` in milliseconds, and no time that stands beside the event anyway."""
    if isinstance(detail, Mapping):
        return [f"{_spaced(name)}: {_told(name, value)}" for name, value in detail.items() if _tells(name, value)]
    return [str(detail)] if detail else []


def _tells(name: str, value: Any) -> bool:
    return name != "at" and value not in (None, "", [], {})


def _spaced(name: str) -> str:
    """`lastAnswerSeconds` → `last answer`."""
    words = re.sub("([A-Z])", r" \1", name).lower()
    return words.removesuffix("seconds").strip() or "took"


def _told(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return milliseconds(1000 * value) if name.lower().endswith("seconds") else str(value)
