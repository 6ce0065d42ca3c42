"""Windows in SQLite, a row each, in a file that stays below its bound: the oldest make room for new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from turnout.database import Database
from turnout.error import StateBroken
from turnout.telemetry.tiers import Tier, aligned

WINDOWS = """
CREATE TABLE windows (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tier INTEGER NOT NULL,
    at INTEGER NOT NULL,
    seconds REAL NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX windows_by_time ON windows (tier, at);
CREATE TABLE tiers (
    tier INTEGER PRIMARY KEY,
    rolled INTEGER NOT NULL DEFAULT 0,
    since REAL
)
"""
"""The migration that `WindowTable` needs. A window may have several rows, after the clock was set back for example.
Of a tier, rows up to number `rolled` are also in the next one's; before `since` some rows were dropped."""

LOG_BYTES = 4_000_000
"""What the write-ahead log may hold before SQLite writes it to the file. It takes a sixth of a small bound at most."""
BESIDE_PAGES = 16
"""For what else a write touches: index, B-tree, new series, SQLite's map of pages."""
SPARE_PAGES = 1_024
"""Free pages are used again; only those beyond are given back, some with each write: moving pages costs."""
BACK_PAGES = 128
MOST_ROWS = 64
"""Rows read at once: with all series busy one has 200 kB."""
FUTURE_SECONDS = 86_400
"""Windows that lie further ahead are a wrong clock's, and would never grow old."""


@dataclass(frozen=True, slots=True)
class Row:
    """A window, or a part of one, that begins `at`."""

    tier: int
    """How many seconds its windows have."""
    at: int
    seconds: float
    """How long was looked."""
    body: bytes
    """What `window_row` encodes."""


class WindowTable:
    """Rows of all tiers. `most_bytes`: bound for the file with its write-ahead log.

    What writes is to be called within a transaction.
    """

    def __init__(self, database: Database, tiers: Sequence[Tier], most_bytes: int) -> None:
        self._database = database
        self._tiers = tiers
        self._log_bytes = min(LOG_BYTES, most_bytes // 6)
        (self._page_bytes,) = database.query("PRAGMA page_size")[0]
        self._most_pages = (most_bytes - 2 * self._log_bytes) // self._page_bytes
        # Overwriting what is deleted would double what is written.
        database.query("PRAGMA secure_delete = OFF")
        database.query(f"PRAGMA wal_autocheckpoint = {max(self._log_bytes // self._page_bytes, 1)}")
        database.query(f"PRAGMA journal_size_limit = {self._log_bytes}")

    def insert(self, row: Row) -> None:
        """Add it to what there is."""
        self._database.execute(
            "INSERT INTO windows (tier, at, seconds, body) VALUES (?, ?, ?, ?)",
            (row.tier, row.at, row.seconds, row.body),
        )

    def roll(self, tier: int) -> None:
        """Say that all rows the tier has now are in the next one's as well."""
        self._database.execute(
            "INSERT INTO tiers (tier, rolled) SELECT ?1, coalesce(max(number), 0) FROM windows WHERE true"
            " ON CONFLICT (tier) DO UPDATE SET rolled = excluded.rolled",
            (tier,),
        )

    def not_rolled(self, tier: int) -> list[Row]:
        """The rows that are in no coarser tier's yet, in the order in which they came."""
        rows = self._database.query(
            "SELECT tier, at, seconds, body FROM windows WHERE tier = ?1"
            " AND number > coalesce((SELECT rolled FROM tiers WHERE tier = ?1), 0) ORDER BY number",
            (tier,),
        )
        return [Row(*row) for row in rows]

    def between(self, tier: int, since: float, until: float) -> Iterator[Row]:
        """Those that begin in [since, until), the oldest first."""
        last = (since, -1)
        while last[0] < until:
            rows = self._database.query(
                "SELECT number, tier, at, seconds, body FROM windows"
                " WHERE tier = ? AND (at, number) > (?, ?) AND at < ? ORDER BY at, number LIMIT ?",
                (tier, *last, until, MOST_ROWS),
            )
            for _, *row in rows:
                yield Row(*row)
            if len(rows) < MOST_ROWS:
                return
            last = (rows[-1][2], rows[-1][0])

    def oldest(self, tier: int) -> float:
        """When its oldest window begins; inf without one."""
        ((at,),) = self._database.query("SELECT min(at) FROM windows WHERE tier = ?", (tier,))
        return inf if at is None else float(at)

    def newest(self, tier: int) -> float:
        """When its newest window begins; -inf without one."""
        ((at,),) = self._database.query("SELECT max(at) FROM windows WHERE tier = ?", (tier,))
        return -inf if at is None else float(at)

    def first(self) -> float:
        """When the oldest window of all begins; inf without one."""
        return min(self.oldest(tier.seconds) for tier in self._tiers)

    def whole_since(self, tier: int) -> float:
        """From when on the tier has everything that was added; -inf when nothing was dropped yet."""
        rows = self._database.query("SELECT since FROM tiers WHERE tier = ?", (tier,))
        return -inf if not rows or rows[0][0] is None else float(rows[0][0])

    def expire(self, now: float) -> None:
        """Drop what each tier has kept for long enough, and what a clock that was wrong has put into the future."""
        for tier in self._tiers:
            self._drop(tier.seconds, aligned(now - tier.keep_seconds, tier.seconds))
        self._database.execute("DELETE FROM windows WHERE at > ?", (now + FUTURE_SECONDS,))

    def make_room(self, rows: Sequence[Row], now: float) -> None:
        """For these rows: drop the oldest of all tiers, but nothing of the window in which `now` is."""
        pages = sum(len(row.body) // self._page_bytes for row in rows) + (1 + len(rows)) * BESIDE_PAGES
        while self._used_pages() + pages > self._most_pages:
            before = self._next_boundary(self.first(), now)
            if before is None:
                return
            for tier in self._tiers:
                self._drop(tier.seconds, before)

    def _next_boundary(self, at: float, now: float) -> int | None:
        """The end of the widest window around `at` that is over."""
        if at == inf:
            return None
        ends = (aligned(at, tier.seconds) + tier.seconds for tier in reversed(self._tiers))
        return next((end for end in ends if end <= now), None)

    def _drop(self, tier: int, before: int) -> None:
        if self.oldest(tier) >= before:
            return
        self._database.execute("DELETE FROM windows WHERE tier = ? AND at < ?", (tier, before))
        self._database.execute(
            "INSERT INTO tiers (tier, since) VALUES (?, ?)"
            " ON CONFLICT (tier) DO UPDATE SET since = max(coalesce(since, excluded.since), excluded.since)",
            (tier, before),
        )

    def give_back(self) -> None:
        """Some of the free pages, when there are many, and when the file is too large."""
        pages, free = self._pages()
        spare = free if pages > self._most_pages else free - max(SPARE_PAGES, pages // 4)
        if spare > 0:
            self._database.query(f"PRAGMA incremental_vacuum({min(spare, BACK_PAGES)})")

    def bound_log(self) -> None:
        """Raises StateBroken while another program's long look at the file makes the write-ahead log grow."""
        if self._database.log_bytes() <= 2 * self._log_bytes:
            return
        ((_, pages, done),) = self._database.query("PRAGMA wal_checkpoint(PASSIVE)")
        if done < pages:
            path = self._database.path
            raise StateBroken(f"cannot write {path}: another program reads it, and its log grows", "end that program")

    def _used_pages(self) -> int:
        pages, free = self._pages()
        return pages - free

    def _pages(self) -> tuple[int, int]:
        ((pages,),), ((free,),) = (self._database.query(f"PRAGMA {name}_count") for name in ("page", "freelist"))
        return pages, free
