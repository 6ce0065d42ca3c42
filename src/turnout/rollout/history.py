"""What became of rollouts: each event with the evidence it was decided on, and the looks of the last minutes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from turnout.database import Database

What = Literal[
    "start", "step", "verdict", "pause", "resume", "promote", "abort", "finish", "halt", "order", "change", "hook"
]

MOST_EVENTS = 2_000
MOST_LOOKS = 600
"""Of one rollout."""

HISTORY = """
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX events_by_rollout ON events (namespace, name);
CREATE TABLE looks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX looks_by_rollout ON looks (namespace, name)
"""
"""The migration that `History` needs."""


class History:
    """To be used from the thread that opened the database. Every method raises StateBroken."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(self, namespace: str, name: str, event: Mapping[str, Any]) -> None:
        """`event`: `at` (unix seconds), `what`, `step`, `text`, `verdicts`, `detail`."""
        with self._database.transaction():
            self._add("events", namespace, name, event)
            self._database.execute(
                "DELETE FROM events WHERE number <= (SELECT max(number) FROM events) - ?", (MOST_EVENTS,)
            )

    def look(self, namespace: str, name: str, look: Mapping[str, Any]) -> None:
        """`look`: `at`, `step`, `verdicts` with their intervals."""
        with self._database.transaction():
            self._add("looks", namespace, name, look)
            self._database.execute(
                "DELETE FROM looks WHERE namespace = ? AND name = ? AND number <= (SELECT number FROM looks"
                " WHERE namespace = ? AND name = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (namespace, name, namespace, name, MOST_LOOKS),
            )

    def forget_looks(self, namespace: str, name: str) -> None:
        """Another rollout of this name begins."""
        self._database.execute("DELETE FROM looks WHERE namespace = ? AND name = ?", (namespace, name))

    def events(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """The oldest first."""
        return self._all("events", namespace, name)

    def looks(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """The oldest first."""
        return self._all("looks", namespace, name)

    def _add(self, table: Literal["events", "looks"], namespace: str, name: str, body: Mapping[str, Any]) -> None:
        row = (namespace, name, json.dumps(body, separators=(",", ":")))
        self._database.execute(f"INSERT INTO {table} (namespace, name, body) VALUES (?, ?, ?)", row)  # noqa: S608 - one of two words

    def _all(self, table: Literal["events", "looks"], namespace: str, name: str) -> list[dict[str, Any]]:
        found = self._database.query(
            f"SELECT body FROM {table} WHERE namespace = ? AND name = ? ORDER BY number",  # noqa: S608 - one of two words
            (namespace, name),
        )
        return [json.loads(body) for (body,) in found]
