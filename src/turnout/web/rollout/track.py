"""The steps of a rollout as a track: done, the present one with how far it is, to come."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.web.keyed import Keyed
from turnout.web.markup import Tag, tag
from turnout.web.rollout.story import Station


class Track:
    """An ordered list."""

    def __init__(self) -> None:
        self._stations: Keyed[Station] = Keyed(tag("ol", classes="track", aria_label="Steps"), _Station)

    def show(self, stations: Sequence[Station]) -> None:
        self._stations.show(dict(enumerate(stations)))


class _Station:
    def __init__(self) -> None:
        with tag("li", classes="station") as self._item:
            self._name = tag("strong")
            self._words = tag("span", classes="station-words")
            with tag("span", classes="station-bar", aria_hidden="true", hidden=True) as self._bar:
                self._filled = tag("span")
            self._note = tag("span", classes="station-note muted")

    @property
    def element(self) -> Tag:
        return self._item

    def show(self, station: Station) -> None:
        for state in ("done", "current", "stopped", "ahead", "never"):
            self._item.tone(state, on=state == station.state)
        self._item.set(aria_current="step" if station.state == "current" else None)
        self._name.say(station.name)
        self._words.say(station.words)
        self._note.say(station.note)
        self._bar.set(hidden=station.part is None)
        self._filled.set(style=f"width: {100 * (station.part or 0):.0f}%")
