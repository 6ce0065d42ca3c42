"""A store in a thread of its own: no query and no slow disk holds up a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

from turnout.database import Database
from turnout.error import StateBroken

S = TypeVar("S")
T = TypeVar("T")


class StoreThread(Generic[S]):
    """`make` turns the database, with its tables, into the store, when something is asked of it for the first time."""

    def __init__(self, path: Path, migration: str, make: Callable[[Database], S]) -> None:
        self.store: S | None = None
        """None until it was first asked. Whatever takes time, or the disk, is asked through `ask`."""
        self._path = path
        self._migration = migration
        self._make = make
        self._database: Database | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.stem)

    async def ask(self, question: Callable[[S], T]) -> T:
        """Questions are answered one after the other. Raises StateBroken."""
        return await self.run(lambda: question(self._opened()))

    async def run(self, work: Callable[[], T]) -> T:
        """Work that needs no store, but takes time."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _opened(self) -> S:
        """Opened where it is used. A damaged file has been put aside by the first attempt: the second begins afresh."""
        if self.store is None:
            try:
                self._database = Database(self._path, (self._migration,))
            except StateBroken:
                self._database = Database(self._path, (self._migration,))
            self.store = self._make(self._database)
        return self.store

    async def close(self) -> None:
        """Closing twice is fine."""
        if not self._closed:
            self._closed = True
            await self.run(self._close)  # not `shutdown` alone, which would hold up all others until it is done
            self._thread.shutdown()

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
