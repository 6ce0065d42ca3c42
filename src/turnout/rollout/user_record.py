"""What outlives a process of who met which version: hashes of users, each with the secret of its own tally."""

from __future__ import annotations

import secrets
from collections.abc import Collection

from turnout.database import Database
from turnout.delivery.users import Tally

SECRET_BYTES = 32

USERS = """
CREATE TABLE tallies (
    name TEXT PRIMARY KEY,
    secret BLOB NOT NULL,
    mask INTEGER NOT NULL,
    without_key INTEGER NOT NULL
);
CREATE TABLE users (
    name TEXT NOT NULL REFERENCES tallies (name) ON DELETE CASCADE,
    hash INTEGER NOT NULL,
    met INTEGER NOT NULL,
    PRIMARY KEY (name, hash)
) WITHOUT ROWID
"""
"""The migration that `UserRecord` needs."""


class UserRecord:
    """To be used from the thread that opened the database. Every method raises StateBroken."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tally(self, name: str) -> Tally:
        """As it was when it was last saved; of a new name, a new one."""
        query = "SELECT secret, mask, without_key FROM tallies WHERE name = ?"
        for secret, mask, without_key in self._database.query(query, (name,)):
            met = dict(self._database.query("SELECT hash, met FROM users WHERE name = ?", (name,)))
            return Tally(secret, met, mask=mask, without_key=without_key)
        secret = secrets.token_bytes(SECRET_BYTES)
        self._database.execute("INSERT INTO tallies VALUES (?, ?, 0, 0)", (name, secret))
        return Tally(secret)

    def save(self, name: str, news: dict[int, int], mask: int, without_key: int) -> None:
        """What is known of some users now; all whose hash has a bit of `mask` are let go."""
        change = self._database.execute
        with self._database.transaction():
            for user, met in news.items():
                change("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", (name, user, met))
            if mask:
                change("DELETE FROM users WHERE name = ? AND hash & ?", (name, mask))
            change("UPDATE tallies SET mask = ?, without_key = ? WHERE name = ?", (mask, without_key, name))

    def keep(self, names: Collection[str]) -> None:
        """All other tallies are forgotten, with their secrets."""
        for (name,) in self._database.query("SELECT name FROM tallies"):
            if name not in names:
                self._database.execute("DELETE FROM tallies WHERE name = ?", (name,))
