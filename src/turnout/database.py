"""One SQLite file: its schema versions, its transactions, and what goes wrong with disks in plain words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from turnout.error import StateBroken

RECORDS = """
CREATE TABLE records (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, name)
)
"""
"""The migration that `Records` needs."""

BUSY_TIMEOUT_SECONDS = 2.0
BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside the file: its write-ahead log, and the index of that."""
CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
BROKEN = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_PERM: "access is denied",
    sqlite3.SQLITE_BUSY: "another program holds it",
    sqlite3.SQLITE_LOCKED: "another program holds it",
    sqlite3.SQLITE_CORRUPT: "its content is damaged",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database",
}
"""What is the machine's fault, not ours: every other SQLite error is a bug and is raised as it is."""


class Database:
    """One SQLite file, made with mode 0600 (its folder 0700). To be used from the thread that opened it.

    `migrations`: SQL scripts, run once each and in this order; `PRAGMA user_version` counts how many have run, so
    the sequence may only grow at its end. A statement that ends in the middle of a script takes the script back.

    Every method raises StateBroken for a full, read-only, locked or damaged file. A file found damaged when it is
    opened is first moved to `<name>.corrupt-<n>`, so that the next start begins afresh and nothing is lost.
    """

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self.path = path
        self._depth = 0
        create_private(path)
        try:
            self._connection = self._open(migrations)
        except sqlite3.DatabaseError as error:
            if primary_code(error) not in CORRUPT:
                raise self._broken(error) from error
            aside = set_aside(path)
            raise StateBroken(
                f"{path} is damaged: {error}",
                f"it was kept as {aside.name}; start again for a fresh one made from your files",
            ) from error

    def _open(self, migrations: Sequence[str]) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
        try:
            if connection.execute("PRAGMA page_count").fetchone() == (0,):
                # So that free pages can be given back: it has to be said before anything is written.
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if finding != "ok":
                raise damaged(str(finding))
            self._migrate(connection, migrations)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise StateBroken(
                f"{self.path} was written by a newer Turnout (schema {version}, this one knows {len(migrations)})",
                "use the newer Turnout, or move the file away",
            )
        for number, script in enumerate(migrations[version:], start=version + 1):
            # One script, one transaction, together with the mark that it has run.
            connection.executescript(f"BEGIN IMMEDIATE;\n{script};\nPRAGMA user_version = {number};\nCOMMIT;")

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run one statement; outside `transaction` it is committed at once."""
        try:
            self._connection.execute(sql, params)
        except sqlite3.DatabaseError as error:
            raise self._broken(error) from error

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Every row of one statement."""
        try:
            return self._connection.execute(sql, params).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._broken(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. One inside another belongs to the outer one."""
        if self._depth == 0:
            self.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self.execute("COMMIT")
        except BaseException:
            # SQLite takes some failed transactions back by itself, a full disk's for one.
            if self._depth == 1 and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        finally:
            self._depth -= 1

    def size_bytes(self) -> int:
        """On disk, with what SQLite keeps beside the file."""
        return sum(size_bytes(self._beside(suffix)) for suffix in ("", *BESIDE))

    def log_bytes(self) -> int:
        """Of the write-ahead log alone."""
        return size_bytes(self._beside("-wal"))

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def close(self) -> None:
        """Closing twice is fine."""
        self._connection.close()

    def _broken(self, error: sqlite3.DatabaseError) -> Exception:
        reason = BROKEN.get(primary_code(error))
        if reason is None:
            return error
        return StateBroken(f"cannot use {self.path}: {reason} ({error})", "free some space or check the permissions")


class Records:
    """Small texts (JSON, mostly) by kind and name, for what has no table of its own: pods, Envoy's pid, undo steps.

    Needs the migration `RECORDS`. Whoever writes a kind bounds how many it keeps.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, kind: str, name: str, value: str) -> None:
        """Add it, or replace its value; a replaced one keeps its place in the order of `all`."""
        self._database.execute(
            "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value",
            (kind, name, value),
        )

    def remove(self, kind: str, name: str) -> None:
        """Removing what is not there is fine."""
        self._database.execute("DELETE FROM records WHERE kind = ? AND name = ?", (kind, name))

    def all(self, kind: str) -> dict[str, str]:
        """Name → value, the oldest first."""
        rows = self._database.query("SELECT name, value FROM records WHERE kind = ? ORDER BY rowid", (kind,))
        return dict(rows)


def create_private(path: Path) -> None:
    """The file and its folder, readable by their owner only. Raises StateBroken."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StateBroken(f"cannot use {path}: {error.strerror}", "free some space or check the permissions") from error


def set_aside(path: Path) -> Path:
    """Move a damaged database away, with its write-ahead log, which may hold what the file does not."""
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in BESIDE:
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    return aside


def size_bytes(path: Path) -> int:
    """0 when it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def primary_code(error: sqlite3.Error) -> int:
    """The error's class; SQLite puts the details above the lowest byte. 0 where the error has no code."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def damaged(finding: str) -> sqlite3.DatabaseError:
    """What `quick_check` found, as the error SQLite would raise on reading the damaged page."""
    error = sqlite3.DatabaseError(finding)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
