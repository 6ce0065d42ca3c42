"""The series that are told apart in the store, by number: their labels are long, and each window names them all."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from dataclasses import asdict, fields

from turnout.database import Database
from turnout.telemetry.series import Series, other

SERIES = """
CREATE TABLE series (
    number INTEGER PRIMARY KEY,
    labels TEXT NOT NULL,
    seen INTEGER NOT NULL
)
"""
"""The migration that `Catalog` needs. `seen`: the last window in which it was, as of the last `write_seen`."""

MOST_FOLDED = 10_000
"""How many of those that are one too many are remembered, to tell how many they are."""


class Catalog:
    """At most `most` series; what comes beyond is counted as `other`, until some are forgotten.

    What is new here is not in the file before `write_new`, to be called in the transaction that writes their window.
    """

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._most = most
        self._series: dict[int, Series] = {}
        self._numbers: dict[Series, int] = {}
        self._seen: dict[int, int] = {}
        self._new: set[int] = set()
        self._moved: set[int] = set()
        self._others: set[int] = set()
        """As many as there are response codes: they come on top."""
        self._folded: dict[Series, int] = {}
        self._next = 1
        for number, labels, seen in database.query("SELECT number, labels, seen FROM series ORDER BY number"):
            self._put(number, read_labels(labels))
            self._seen[number] = seen

    def __iter__(self) -> Iterator[tuple[int, Series]]:
        return iter(self._series.items())

    def __len__(self) -> int:
        return len(self._series)

    @property
    def folded(self) -> int:
        """How many series were counted as `other` lately."""
        return len(self._folded)

    def number(self, series: Series, at: int) -> int:
        """That of the series, or of the one which stands for it. `at`: the window in which it is."""
        number = self._numbers.get(series)
        if number is None:
            kept = self._kept(series, at)
            number = self._numbers.get(kept) or self._add(kept)
        self.saw(number, at)
        return number

    def _kept(self, series: Series, at: int) -> Series:
        stand_in = other(series)
        if series == stand_in or len(self._series) - len(self._others) < self._most:
            self._folded.pop(series, None)
            return series
        if series in self._folded or len(self._folded) < MOST_FOLDED:
            self._folded[series] = at
        return stand_in

    def _add(self, series: Series) -> int:
        number = self._next
        self._put(number, series)
        self._new.add(number)
        return number

    def _put(self, number: int, series: Series) -> None:
        self._series[number] = series
        self._numbers[series] = number
        self._next = number + 1
        if series == other(series):
            self._others.add(number)

    def saw(self, number: int, at: int) -> None:
        """A window in which the series is."""
        if at > self._seen.get(number, at - 1):
            self._seen[number] = at
            self._moved.add(number)

    def write_new(self) -> None:
        """Into the transaction that is open."""
        for number in self._new:
            labels = write_labels(self._series[number])
            self._database.execute("INSERT INTO series VALUES (?, ?, ?)", (number, labels, self._seen[number]))

    def write_seen(self) -> None:
        """Into the transaction that is open: when each one was last seen."""
        for number in self._moved:
            self._database.execute("UPDATE series SET seen = ? WHERE number = ?", (self._seen[number], number))

    def written(self, *, seen: bool) -> None:
        """The transaction was committed; with `seen`, `write_seen` was in it."""
        self._new.clear()
        if seen:
            self._moved.clear()

    def forget(self, before: int, keep: Container[int]) -> None:
        """Those that are in no window any more: last seen `before`, when the oldest one began, and not to `keep`."""
        gone = [number for number, seen in self._seen.items() if seen < before and number not in keep]
        with self._database.transaction():
            for number in gone:
                self._database.execute("DELETE FROM series WHERE number = ?", (number,))
        for number in gone:
            self._drop(number)

    def _drop(self, number: int) -> None:
        series = self._series.pop(number)
        if self._numbers.get(series) == number:
            del self._numbers[series]
        del self._seen[number]
        for numbers in (self._new, self._moved, self._others):
            numbers.discard(number)

    def forget_folded(self, before: int) -> None:
        """Those that have not come again since."""
        for series in [series for series, at in self._folded.items() if at < before]:
            del self._folded[series]


def write_labels(series: Series) -> str:
    """JSON of what is not empty."""
    return json.dumps({name: value for name, value in asdict(series).items() if value}, separators=(",", ":"))


def read_labels(text: str) -> Series:
    """What another version of Turnout told apart and this one does not is left out."""
    known = {field.name for field in fields(Series)}
    return Series(**{name: value for name, value in json.loads(text).items() if name in known})
