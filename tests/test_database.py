from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from turnout.database import RECORDS, Database, Records
from turnout.error import StateBroken

NUMBERS = "CREATE TABLE numbers (value INTEGER)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with closing(Database(path, [RECORDS, NUMBERS])) as opened:
        yield opened


def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    with closing(Database(path, [NUMBERS])) as first:
        first.execute("INSERT INTO numbers VALUES (?)", (7,))
    with closing(Database(path, [NUMBERS])) as second:
        assert second.query("SELECT value FROM numbers") == [(7,)]


def test_a_later_version_runs_only_the_migrations_that_are_new(path: Path) -> None:
    Database(path, [NUMBERS]).close()
    with closing(Database(path, [NUMBERS, "ALTER TABLE numbers ADD COLUMN name TEXT"])) as database:
        database.execute("INSERT INTO numbers VALUES (1, 'one')")
        assert database.query("PRAGMA user_version") == [(2,)]


def test_a_migration_that_fails_is_taken_back_as_a_whole(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        Database(path, [NUMBERS, "CREATE TABLE half (a); CREATE TABLE half (a)"])
    with closing(Database(path, [NUMBERS])) as database:
        assert database.query("SELECT name FROM sqlite_master") == [("numbers",)]


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    Database(path, [NUMBERS, RECORDS]).close()
    with pytest.raises(StateBroken, match="newer Turnout"):
        Database(path, [NUMBERS])
    Database(path, [NUMBERS, RECORDS]).close()


def test_file_and_folder_are_private(path: Path, database: Database) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def scribble(path: Path) -> None:
    path.write_bytes(b"this is no database, " * 500)


def damage_a_page(path: Path) -> None:
    with closing(Database(path, [NUMBERS])) as database:
        with database.transaction():
            for number in range(5000):
                database.execute("INSERT INTO numbers VALUES (?)", (number,))
        database.query("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [scribble, damage_a_page])
def test_a_damaged_file_is_kept_aside_and_the_next_start_is_fresh(path: Path, damage: Callable[[Path], None]) -> None:
    for number in (1, 2):
        path.parent.mkdir(exist_ok=True)
        damage(path)
        content = path.read_bytes()
        with pytest.raises(StateBroken, match="damaged") as raised:
            Database(path, [NUMBERS])
        assert f"state.db.corrupt-{number}" in str(raised.value.hint)
        assert (path.parent / f"state.db.corrupt-{number}").read_bytes() == content
        assert not path.exists()
    Database(path, [NUMBERS]).close()


def write_two(database: Database, second: str) -> None:
    with database.transaction():
        database.execute("INSERT INTO numbers VALUES (2)")
        database.execute(second)


def test_a_full_disk_is_said_in_plain_words_and_nothing_is_half_written(database: Database) -> None:
    database.execute("INSERT INTO numbers VALUES (1)")
    database.query("PRAGMA max_page_count = 10")
    with pytest.raises(StateBroken, match="disk is full"):
        write_two(database, "INSERT INTO records VALUES ('k', 'n', zeroblob(1000000))")
    assert database.query("SELECT value FROM numbers") == [(1,)]


def test_a_folder_that_cannot_be_made_is_said_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateBroken, match="cannot use"):
        Database(tmp_path / "file" / "state.db", [])


def test_a_file_held_by_another_program_is_said_in_plain_words(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnout.database.BUSY_TIMEOUT_SECONDS", 0.01)
    with closing(Database(path, [RECORDS, NUMBERS])) as other, database.transaction():  # noqa: SIM117 - the inner `with` is what is refused
        with pytest.raises(StateBroken, match="another program holds it"):
            other.execute("INSERT INTO numbers VALUES (1)")


def test_wrong_sql_is_a_bug_and_stays_one(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        database.execute("nonsense")


def test_a_transaction_that_raises_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError):
        write_two(database, "nonsense")
    assert database.query("SELECT value FROM numbers") == []


def test_an_inner_transaction_belongs_to_the_outer_one(database: Database) -> None:
    def nested() -> None:
        with database.transaction():
            write_two(database, "INSERT INTO numbers VALUES (3)")
            database.execute("nonsense")

    with pytest.raises(sqlite3.OperationalError):
        nested()
    assert database.query("SELECT value FROM numbers") == []


def test_records_keep_the_order_in_which_they_were_first_put(database: Database) -> None:
    records = Records(database)
    for name in ("b", "a", "c"):
        records.put("undo", name, "old")
    records.put("undo", "b", "new")
    records.put("pod", "a", "another kind")
    records.remove("undo", "a")
    records.remove("undo", "never there")
    assert records.all("undo") == {"b": "new", "c": "old"}
    assert list(records.all("undo")) == ["b", "c"]
    assert records.all("nothing") == {}
