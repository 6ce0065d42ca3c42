from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from turnout.control.store_thread import StoreThread
from turnout.database import RECORDS, Database
from turnout.error import StateBroken


class Notes:
    """A store: what was noted, and in which thread it was made."""

    def __init__(self, database: Database) -> None:
        self.made_in = threading.get_ident()
        self.path = database.path


def of(path: Path) -> StoreThread[Notes]:
    return StoreThread(path, RECORDS, Notes)


def test_the_store_is_opened_when_it_is_first_asked_and_answers_in_its_own_thread(tmp_path: Path) -> None:
    async def ask() -> None:
        thread = of(tmp_path / "notes.db")
        assert thread.store is None
        assert not (tmp_path / "notes.db").exists()
        where = await thread.ask(lambda notes: (notes.made_in, threading.get_ident()))
        assert where[0] == where[1] != threading.get_ident()
        assert await thread.run(threading.get_ident) == where[0]
        await thread.close()

    asyncio.run(ask())


def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)

    async def ask() -> Path:
        thread = of(path)
        found = await thread.ask(lambda notes: notes.path)
        await thread.close()
        return found

    assert asyncio.run(ask()) == path
    assert [each.name for each in tmp_path.glob("*.corrupt-*")] == ["notes.db.corrupt-1"]


def test_what_cannot_be_opened_is_tried_again_with_the_next_question(tmp_path: Path) -> None:
    blocker = tmp_path / "folder"
    blocker.write_text("a file where the folder should be")

    async def ask() -> Path:
        thread = of(blocker / "notes.db")
        with pytest.raises(StateBroken):
            await thread.ask(lambda notes: notes.path)
        blocker.unlink()
        found = await thread.ask(lambda notes: notes.path)
        await thread.close()
        await thread.close()
        return found

    assert asyncio.run(ask()) == blocker / "notes.db"
