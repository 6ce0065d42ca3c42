"""What was changed when, to be shown beside what it did to traffic."""

from __future__ import annotations

import json
from dataclasses import dataclass

from turnout.database import Database
from turnout.telemetry.tiers import DAY

MARKS = """
CREATE TABLE marks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    what TEXT NOT NULL,
    text TEXT NOT NULL,
    about TEXT NOT NULL
);
CREATE INDEX marks_by_time ON marks (at)
"""
"""The migration that `Marks` needs."""

MOST_MARKS = 10_000
KEEP_SECONDS = 7 * DAY
MOST_CHARACTERS = 1_000
"""Of a mark's text."""
MOST_ABOUT = 100


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was changed."""

    at: float
    """Unix seconds."""
    what: str
    """`weights`, `mirror` or `deployment`."""
    text: str
    """For people."""
    about: tuple[str, ...] = ()
    """Whom it concerns: hosts, `<namespace>/<workload>`."""


class Marks:
    """The last `most` of the last seven days."""

    def __init__(self, database: Database, most: int = MOST_MARKS) -> None:
        self._database = database
        self._most = most

    def add(self, mark: Mark) -> None:
        """Raises StateBroken."""
        row = (mark.at, mark.what, mark.text[:MOST_CHARACTERS], json.dumps(mark.about[:MOST_ABOUT]))
        with self._database.transaction():
            self._database.execute("INSERT INTO marks (at, what, text, about) VALUES (?, ?, ?, ?)", row)
            self._database.execute(
                "DELETE FROM marks WHERE at < ? OR number <= (SELECT max(number) FROM marks) - ?",
                (mark.at - KEEP_SECONDS, self._most),
            )

    def between(self, since: float, until: float) -> list[Mark]:
        """Those in [since, until), the oldest first."""
        rows = self._database.query(
            "SELECT at, what, text, about FROM marks WHERE at >= ? AND at < ? ORDER BY at, number", (since, until)
        )
        return [Mark(at, what, text, tuple(json.loads(about))) for at, what, text, about in rows]
