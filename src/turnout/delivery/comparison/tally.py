"""What many pairs add up to. Bounded, mergeable, and the same in whatever order the pairs came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from turnout.delivery.comparison.difference import Difference, Outcome, Sample
from turnout.delivery.comparison.durations import Durations
from turnout.delivery.comparison.exchange import Pair, Side
from turnout.delivery.comparison.json_path import depth
from turnout.delivery.comparison.kind import Kind, Part, part
from turnout.delivery.comparison.lowest import Lowest, lot
from turnout.delivery.comparison.secret import Redaction

FIELDS, ROUTES = "differences in other fields", "copies on other routes"
"""What there was no room for."""
_LONGEST_URL = 200


@dataclass(frozen=True, slots=True)
class Bounds:
    """With these, a tally stays below 80 MB, whatever is compared. What is beyond them is only counted."""

    routes: int = 100
    fields: int = 250
    examples: int = 5
    samples: int = 400


@dataclass(frozen=True, slots=True)
class Example:
    """Two answers side by side, where they differ. `path`: the request's, without its secrets."""

    key: str
    method: str
    path: str
    at: str
    stable: str | None
    copy: str | None


@dataclass(frozen=True, slots=True)
class FieldKey:
    """What differences are counted by."""

    route: str
    path: str
    kind: Kind


Rank = tuple[int, int]


@lru_cache(maxsize=4096)
def _rank(key: FieldKey) -> Rank:
    """Which fields are kept when there are too many: shallow ones first, then by lot, never by who came first."""
    return depth(key.path), lot(f"{key.route}\n{key.path}\n{key.kind}")


@lru_cache(maxsize=4096)
def _route_rank(name: str) -> int:
    return lot(name)


@dataclass(slots=True)
class Field:
    """How often one field differed: from stable to the candidate, and from stable to itself."""

    differing: Counter[Side]
    examples: Lowest[Example]
    samples: dict[Side, Lowest[Sample]]
    """The copies' values, where they differ from stable's."""

    def values(self, side: Side) -> list[Sample]:
        """What one side's copies said where they differ, a sample."""
        return list(self.samples.get(side, ()))

    def sampled(self, side: Side, most: int) -> Lowest[Sample]:
        """One side's values, to add to."""
        return self.samples.setdefault(side, Lowest(most))

    def merge(self, other: Field) -> None:
        """Both together."""
        self.differing.update(other.differing)
        self.examples.merge(other.examples)
        for side, samples in other.samples.items():
            self.sampled(side, samples.most).merge(samples)


Whose = Literal["candidate", "baseline", "stable"]


@dataclass(slots=True)
class Route:
    """What was compared on one route.

    `copies`: all that were made. `parts`: pairs in which each part could be compared; `lacks`: why one could not.
    """

    copies: Counter[Side] = field(default_factory=Counter)
    parts: Counter[tuple[Side, Part]] = field(default_factory=Counter)
    lacks: Counter[tuple[Side, str]] = field(default_factory=Counter)
    durations: dict[Whose, Durations] = field(default_factory=dict)

    def merge(self, other: Route) -> None:
        """Both together."""
        self.copies.update(other.copies)
        self.parts.update(other.parts)
        self.lacks.update(other.lacks)
        for whose, durations in other.durations.items():
            self.durations.setdefault(whose, Durations()).merge(durations)


class Tally:
    """Counts by route and field.

    `dropped`: differences in fields, and pairs on routes, for which there was no room. What is kept when there is not
    enough is what ranks first, so that it was counted from its first pair on.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.routes: dict[str, Route] = {}
        self.dropped: Counter[str] = Counter()
        self._fields: dict[FieldKey, Field] = {}
        self.bar: Rank | None = None
        """The first rank there was no room for."""

    def add(self, pair: Pair, outcome: Outcome, redaction: Redaction) -> None:
        """Count one pair. Who brings the same key twice brings evidence twice."""
        name, side = pair.stable.route, pair.side
        route = self._route(name)
        route.copies[side] += 1
        route.parts.update((side, compared) for compared in outcome.parts)
        if outcome.lack:
            route.lacks[side, outcome.lack] += 1
        _time(route, pair, outcome)
        rank = lot(pair.stable.key)
        for difference in outcome.differences:
            entry = self._field(FieldKey(name, difference.path, difference.kind))
            if entry is None:
                self.dropped[FIELDS] += 1
                continue
            entry.differing[side] += 1
            if difference.sample is not None:
                entry.sampled(side, self.bounds.samples).add(rank, difference.sample)
            if side == "candidate" and entry.examples.takes(rank):
                entry.examples.add(rank, _example(pair, difference, redaction))
        self._fit()

    def unpaired(self, route: str, side: Side, reason: str, count: int = 1) -> None:
        """Copies that were made, or should have been, and that there is nothing to compare of."""
        entry = self._route(route)
        entry.copies[side] += count
        entry.lacks[side, reason] += count
        self._fit()

    def merge(self, other: Tally) -> None:
        """As if all its pairs had been added here."""
        for name, route in other.routes.items():
            self._route(name).merge(route)
        for key, theirs in other._fields.items():
            entry = self._field(key)
            if entry is None:
                self.dropped[FIELDS] += theirs.differing.total()
            else:
                entry.merge(theirs)
        self.dropped.update(other.dropped)
        self._fit()

    def fields(self, route: str) -> list[tuple[FieldKey, Field]]:
        """What differed on one route, by path and kind."""
        found = ((key, entry) for key, entry in self._fields.items() if key.route == route)
        return sorted(found, key=lambda item: (item[0].path, item[0].kind))

    def everything(self) -> list[tuple[FieldKey, Field]]:
        """What differed anywhere; also on routes there is no room for any more."""
        return sorted(self._fields.items(), key=lambda item: (item[0].route, item[0].path, item[0].kind))

    def resume(
        self, routes: Mapping[str, Route], fields: Mapping[FieldKey, Field], dropped: Counter[str], bar: Rank | None
    ) -> None:
        """Go on from where another process was, which had come this far."""
        assert not self.routes, "a new one"
        self.routes, self._fields, self.dropped, self.bar = dict(routes), dict(fields), dropped, bar

    def compared(self, key: FieldKey, side: Side) -> int:
        """Of how many pairs the field's differences are."""
        return self.routes[key.route].parts[side, part(key.path, key.kind)]

    def _route(self, name: str) -> Route:
        return self.routes.setdefault(name, Route())

    def _field(self, key: FieldKey) -> Field | None:
        """None: there is no room for it, and there never was."""
        entry = self._fields.get(key)
        if entry is None and (self.bar is None or _rank(key) < self.bar):
            entry = self._fields[key] = Field(Counter(), Lowest(self.bounds.examples), {})
        return entry

    def _fit(self) -> None:
        """What ranks last goes. A route that goes leaves its fields: their room depends on them alone."""
        while len(self.routes) > self.bounds.routes:
            self.dropped[ROUTES] += self.routes.pop(max(self.routes, key=_route_rank)).copies.total()
        while len(self._fields) > self.bounds.fields:
            last = max(self._fields, key=_rank)
            self.bar = _rank(last)
            self.dropped[FIELDS] += self._fields.pop(last).differing.total()


def _example(pair: Pair, difference: Difference, redaction: Redaction) -> Example:
    request = pair.stable
    path = redaction.in_text(request.path)[:_LONGEST_URL]
    return Example(request.key[:64], request.method, path, difference.at, *difference.excerpts())


def _time(route: Route, pair: Pair, outcome: Outcome) -> None:
    """Only of answers that the workloads gave. Stable's own count once, though baseline is compared with it as well."""
    if Part.STATUS not in outcome.parts:
        return
    timed: Mapping[Whose, float | None] = {pair.side: pair.copy.duration_ms}
    if pair.side == "candidate":
        timed = {**timed, "stable": pair.stable.duration_ms}
    for whose, duration_ms in timed.items():
        if duration_ms is not None:
            route.durations.setdefault(whose, Durations()).add(duration_ms)
