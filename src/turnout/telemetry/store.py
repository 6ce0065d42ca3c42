"""What all series did in the last seven days: seconds, minutes and a week in one bounded SQLite file.

Each look is a row of its own, committed at once. A coarser window is gathered in memory while it lasts, and written
when the next one begins, in the transaction that also says which finer rows are in it: so that at every moment, a
restart's too, its rows and the finer ones that are not in it yet are all there is, each once.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, inf
from typing import TypeVar

from turnout.database import Database
from turnout.telemetry.catalog import SERIES, Catalog
from turnout.telemetry.marks import MARKS, Mark, Marks
from turnout.telemetry.series import Series
from turnout.telemetry.stats import MOST_SERIES
from turnout.telemetry.tiers import TIERS, Tier, aligned, chosen
from turnout.telemetry.traffic import Traffic
from turnout.telemetry.window_row import Tally, decode, encode
from turnout.telemetry.window_table import WINDOWS, Row, WindowTable

TELEMETRY = ";\n".join((WINDOWS, SERIES, MARKS))
"""The migration that `Store` needs."""
MOST_BYTES = 500_000_000
FOLDED_SECONDS = 900
"""A series that was one too many, and has not come again for so long, is not counted among those any more."""

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Gathered:
    """A window that is not over. `seconds`: how long was looked; `tallies` by the series' numbers."""

    at: int
    seconds: float = 0.0
    tallies: dict[int, Tally] = field(default_factory=dict)

    def take(self, seconds: float, tallies: Mapping[int, Tally]) -> None:
        """The tallies become this one's own."""
        self.seconds += seconds
        for number, tally in tallies.items():
            if number in self.tallies:
                self.tallies[number].add(tally)
            else:
                self.tallies[number] = tally


@dataclass(frozen=True, slots=True)
class _Part:
    """What is known of a window, or of a part of it; the tallies can be read once."""

    at: int
    seconds: float
    tallies: Iterable[tuple[int, Tally]]


class Store:
    """At most `most_bytes` on disk and `most_series` told apart; to be used from the thread that opened the database.

    The database needs the migration `TELEMETRY`. Time is unix seconds; a clock that is set back does no harm.
    Every method raises StateBroken when the file cannot be read or written; nothing is half done then.
    """

    def __init__(
        self,
        database: Database,
        *,
        tiers: Sequence[Tier] = TIERS,
        most_bytes: int = MOST_BYTES,
        most_series: int = MOST_SERIES,
    ) -> None:
        self._database = database
        self._tiers = tiers
        self._table = WindowTable(database, tiers, most_bytes)
        self._catalog = Catalog(database, most_series)
        self._marks = Marks(database)
        self._gathered: dict[int, _Gathered] = {}
        """By the seconds of the tier, of all but the finest."""
        for finer, tier in self._pairs():
            self._gather_again(finer, tier)

    def _pairs(self) -> Iterator[tuple[Tier, Tier]]:
        """Each tier and the one it is rolled up into, the finest first."""
        return zip(self._tiers, self._tiers[1:], strict=False)

    def _gather_again(self, finer: Tier, tier: Tier) -> None:
        """After a restart: what the window had that was not over."""
        for row in self._table.not_rolled(finer.seconds):
            tallies = dict(_decoded(row))
            self._gather(tier, row.at, row.seconds, tallies)
            for number in tallies:
                self._catalog.saw(number, row.at)

    def _gather(self, tier: Tier, at: int, seconds: float, tallies: Mapping[int, Tally]) -> None:
        window = self._gathered.setdefault(tier.seconds, _Gathered(aligned(at, tier.seconds)))
        window.take(seconds, tallies)

    def add(self, at: float, seconds: float, traffic: Mapping[Series, Traffic]) -> None:
        """What each series did in the `seconds` up to `at`; counted in the window in which their middle lies."""
        if seconds <= 0 and not traffic:
            return
        self._table.bound_log()
        finest = self._tiers[0]
        start = aligned(at - seconds / 2, finest.seconds)
        tallies = self._tallies(traffic, start)
        over = self._over(start)
        self._forget(start, over)
        self._write(Row(finest.seconds, start, seconds, encode(tallies, finest.level)), over)
        for tier in reversed(over):
            self._pass_on(tier)
        self._gather(self._tiers[1], start, seconds, tallies)

    def _tallies(self, traffic: Mapping[Series, Traffic], at: int) -> dict[int, Tally]:
        tallies: dict[int, Tally] = {}
        for series, one in traffic.items():
            tallies.setdefault(self._catalog.number(series, at), Tally()).count(one)
        return tallies

    def _over(self, at: int) -> list[Tier]:
        """The tiers whose window ends with one that begins at `at`, the finest first: a whole one ends the next."""
        over: list[Tier] = []
        for tier in self._tiers[1:]:
            window = self._gathered.get(tier.seconds)
            if window is None or window.at == aligned(at, tier.seconds):
                break
            over.append(tier)
            at = window.at
        return over

    def _write(self, row: Row, over: Sequence[Tier]) -> None:
        """The coarsest first: what ends its window is not in it."""
        all_over = self._tiers[-1] in over
        rolled = {coarser.seconds: finer.seconds for finer, coarser in self._pairs()}
        rows = [*(self._row(tier) for tier in reversed(over)), row]
        with self._database.transaction():
            if over:
                self._table.expire(row.at)
            self._table.make_room(rows, row.at)
            self._catalog.write_new()
            if all_over:
                self._catalog.write_seen()
            for one in rows:
                if one.tier in rolled:
                    self._table.roll(rolled[one.tier])
                self._table.insert(one)
            self._table.give_back()
        self._catalog.written(seen=all_over)

    def _row(self, tier: Tier) -> Row:
        window = self._gathered[tier.seconds]
        return Row(tier.seconds, window.at, window.seconds, encode(window.tallies, tier.level))

    def _pass_on(self, tier: Tier) -> None:
        """A window that is over and written: into the one it is a part of."""
        window = self._gathered.pop(tier.seconds)
        for finer, coarser in self._pairs():
            if finer is tier:
                self._gather(coarser, window.at, window.seconds, window.tallies)

    def _forget(self, at: int, over: Sequence[Tier]) -> None:
        """The series that are in no window any more; that takes a look at all of them, so it is not done each time."""
        if self._tiers[-1] in over:
            gathered = {number for window in self._gathered.values() for number in window.tallies}
            self._catalog.forget(before=floor(min(self._table.first(), at)), keep=gathered)
        if over:
            self._catalog.forget_folded(at - FOLDED_SECONDS)

    def windows(
        self, since: float, until: float, step_seconds: float | None, wanted: Callable[[Series], bool]
    ) -> list[tuple[int, dict[Series, Traffic]]]:
        """`grouped`, with each series that is wanted for itself."""
        return self.grouped(since, until, step_seconds, lambda series: series if wanted(series) else None)

    def grouped(
        self, since: float, until: float, step_seconds: float | None, key: Callable[[Series], K | None]
    ) -> list[tuple[int, dict[K, Traffic]]]:
        """When each step began, and what happened in it, by key; None: not wanted.

        All steps that were looked at in [since, until), the oldest first; one without traffic is {}. `step` says how
        long they are; the first and the last one may be cut short: a traffic's `seconds` are those in which was
        looked. The bounds are those of the finest windows that are still kept of all that time.
        """
        tiers, step = self._chosen(since, step_seconds)
        keys = {number: found for number, series in self._catalog if (found := key(series)) is not None}
        steps: dict[int, tuple[list[float], dict[K, Tally]]] = {}
        for part in self._parts(tiers, since, until, keys):
            looked, groups = steps.setdefault(aligned(part.at, step), ([], {}))
            looked.append(part.seconds)
            for number, tally in part.tallies:
                groups.setdefault(keys[number], Tally()).add(tally)
        return [
            (at, {one: tally.traffic(sum(looked)) for one, tally in groups.items()})
            for at, (looked, groups) in sorted(steps.items())
        ]

    def step(self, since: float, step_seconds: float | None = None) -> int:
        """How long the steps are that are answered with: the finest kept since then, and at least as long as asked."""
        return self._chosen(since, step_seconds)[1]

    def _chosen(self, since: float, step_seconds: float | None) -> tuple[Sequence[Tier], int]:
        whole_since = [self._table.whole_since(tier.seconds) for tier in self._tiers]
        return chosen(self._tiers, whole_since, since, self._first(), step_seconds)

    def _first(self) -> float:
        """When the oldest window begins. It may be one that is not written yet, while its parts have expired."""
        return min([self._table.first(), *(window.at for window in self._gathered.values())])

    def _parts(self, tiers: Sequence[Tier], since: float, until: float, wanted: Container[int]) -> Iterator[_Part]:
        """Everything in [since, until) once: in the widest windows that lie within, and finer ones at both ends."""
        *finer, widest = tiers
        begin, end = -aligned(-since, widest.seconds), aligned(until, widest.seconds)
        if not finer:
            yield from self._of_tier(widest, aligned(since, widest.seconds), until, wanted)
        elif begin >= end:
            yield from self._parts(finer, since, until, wanted)
        else:
            yield from self._parts(finer, since, begin, wanted)
            yield from self._of_tier(widest, begin, end, wanted)
            yield from self._parts(finer, end, until, wanted)

    def _of_tier(self, tier: Tier, since: float, until: float, wanted: Container[int]) -> Iterator[_Part]:
        """The windows that begin in [since, until): those written, then what is not in one yet."""
        for row in self._table.between(tier.seconds, since, until):
            yield _Part(row.at, row.seconds, _decoded(row, wanted))
        for seconds, window in self._gathered.items():
            if seconds <= tier.seconds and since <= window.at < until:
                tallies = ((number, tally) for number, tally in window.tallies.items() if number in wanted)
                yield _Part(window.at, window.seconds, tallies)

    def span(self) -> tuple[float, float] | None:
        """When the oldest window that is kept begins, and when the newest one ends; None without any."""
        finest = self._tiers[0].seconds
        first, last = self._table.first(), self._table.newest(finest)
        return None if inf in (first, -last) else (first, last + finest)

    def size_bytes(self) -> int:
        """On disk, with what SQLite keeps beside the file."""
        return self._database.size_bytes()

    @property
    def folded(self) -> int:
        """How many series were too many, lately, to be told apart: they are counted as `other`."""
        return self._catalog.folded

    def mark(self, at: float, what: str, text: str, about: Sequence[str] = ()) -> None:
        """Remember that something was changed. `what`: weights, mirror or deployment; `about`: hosts, workloads."""
        self._marks.add(Mark(at, what, text, tuple(about)))

    def marks(self, since: float, until: float) -> list[Mark]:
        """Those in [since, until), the oldest first."""
        return self._marks.between(since, until)


def _decoded(row: Row, wanted: Container[int] | None = None) -> Iterator[tuple[int, Tally]]:
    try:
        yield from decode(row.body, wanted)
    except zlib.error:
        # A bit of the disk has turned. SQLite checks its own pages' structure, not what is in them.
        return
