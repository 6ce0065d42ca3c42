"""What was added is there, at whatever step it is asked for, whenever, and after a restart."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import floor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.telemetry.kinds import KINDS, A, B, done

from turnout.database import Database
from turnout.error import StateBroken
from turnout.telemetry.marks import Mark
from turnout.telemetry.series import Series
from turnout.telemetry.store import TELEMETRY, Store
from turnout.telemetry.tiers import Tier, aligned
from turnout.telemetry.traffic import Traffic

NOON = 1_800_000_000.0
"""The beginning of a window of each tier."""
ALWAYS = 10_000_000
TINY = (Tier(1, ALWAYS, 1), Tier(10, ALWAYS, 1), Tier(60, ALWAYS, 1))
SHORT = (Tier(1, 20, 1), Tier(10, 100, 1), Tier(60, ALWAYS, 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "telemetry.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with closing(Database(path, [TELEMETRY])) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


def everything(series: Series) -> bool:
    return True


def requests(store: Store, since: float, until: float, step: float | None = None) -> list[tuple[float, int]]:
    windows = store.windows(since, until, step, everything)
    return [(at - NOON, sum(traffic.requests for traffic in found.values())) for at, found in windows]


Added = list[tuple[float, float, dict[Series, Traffic]]]
looks = st.tuples(
    st.integers(1, 30) | st.integers(-100, 500),
    st.sampled_from([0.25, 1.0, 1.5]),
    st.dictionaries(st.sampled_from(KINDS), st.integers(1, 50).map(done), max_size=3),
)


def timed(steps: list[tuple[int, float, dict[Series, Traffic]]]) -> Added:
    """Looks at moments that follow each other in halves of a second, sometimes with the clock set back."""
    now, added = NOON, []
    for after, seconds, traffic in steps:
        now += after / 2
        added.append((now, seconds, traffic))
    return added


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(looks, max_size=60),
    st.integers(-100, 2000),
    st.integers(0, 2000),
    st.sampled_from([None, 1, 7, 10, 30, 60, 90, 120, 600]),
    st.sets(st.integers(0, 60)),
)
def test_any_span_at_any_step_tells_what_was_added(
    steps: list[tuple[int, float, dict[Series, Traffic]]], begin: int, length: int, step: int | None, restarts: set[int]
) -> None:
    added = timed(steps)
    since, until = NOON + begin, NOON + begin + length
    with TemporaryDirectory() as folder, filled(Path(folder) / "t.db", added, restarts) as store:
        found = store.windows(since, until, step, everything)
        assert store.step(since, step) == (step or 1)
    assert found == expected(added, since, until, step or 1)


@contextmanager
def filled(path: Path, added: Added, restarts: set[int]) -> Iterator[Store]:
    database = Database(path, [TELEMETRY])
    store = Store(database, tiers=TINY)
    for number, (at, seconds, traffic) in enumerate(added):
        if number in restarts:
            database.close()
            database = Database(path, [TELEMETRY])
            store = Store(database, tiers=TINY)
        store.add(at, seconds, traffic)
    yield store
    database.close()


def expected(added: Added, since: float, until: float, step: int) -> list[tuple[int, dict[Series, Traffic]]]:
    """Worked out the plain way."""
    steps: dict[int, dict[Series, Traffic]] = {}
    looked: dict[int, float] = {}
    for at, seconds, traffic in added:
        second = floor(at - seconds / 2)
        if floor(since) <= second < until:
            begin = aligned(second, step)
            looked[begin] = looked.get(begin, 0) + seconds
            for series, one in traffic.items():
                steps.setdefault(begin, {}).setdefault(series, Traffic()).add(one)
    for begin, found in steps.items():
        for one in found.values():
            one.seconds = looked[begin]
    return [(begin, steps.get(begin, {})) for begin in sorted(looked)]


@settings(max_examples=40)
@given(st.lists(looks.filter(lambda look: look[0] > 0), max_size=60), st.sampled_from([None, 60, 120]))
def test_what_is_rolled_up_loses_nothing(
    steps: list[tuple[int, float, dict[Series, Traffic]]], step: int | None
) -> None:
    added = timed(steps)
    with TemporaryDirectory() as folder, closing(Database(Path(folder) / "t.db", [TELEMETRY])) as database:
        store = Store(database, tiers=SHORT)
        for at, seconds, traffic in added:
            store.add(at, seconds, traffic)
        found = store.windows(0, NOON * 2, step, everything)
    together = [one for _, traffic in found for one in traffic.values()]
    whole = [one for _, _, traffic in added for one in traffic.values()]
    assert sum(one.requests for one in together) == sum(one.requests for one in whole)
    assert sum(sum(one.durations.values()) for one in together) == sum(sum(one.durations.values()) for one in whole)
    assert sum(one.response_bytes for one in together) == sum(one.response_bytes for one in whole)


def test_a_window_that_is_not_written_yet_is_told_although_its_parts_have_expired(database: Database) -> None:
    """The machine slept for longer than they are kept."""
    store = Store(database, tiers=SHORT)
    store.add(NOON + 1, 1.0, {A: done(3)})
    store.add(NOON + 13, 1.0, {})
    store.add(NOON + 111, 1.0, {B: done(1)})
    assert requests(store, 0, NOON * 2) == [(0, 3), (60, 1)]


def test_each_tier_answers_for_as_long_as_it_keeps(store: Store) -> None:
    for second in range(0, 8 * 3600, 5):
        store.add(NOON + second + 5, 5.0, {A: done(5)})
    now = NOON + 8 * 3600
    assert [store.step(now - back) for back in (60, 900, 1000, 6 * 3600, 7 * 3600)] == [1, 1, 10, 10, 300]
    hours = requests(store, now - 7 * 3600, now, 3600)
    assert [count for _, count in hours] == [3600] * 7


def test_a_step_is_a_multiple_of_the_finest_windows_that_are_left(store: Store) -> None:
    for second in range(0, 3600, 5):
        store.add(NOON + second, 5.0, {A: done(5)})
    assert store.step(NOON + 3500, 1) == 1
    assert store.step(NOON, 1) == 10
    assert store.step(NOON, 45) == 50


def test_an_answer_is_cut_at_seconds_while_there_are_any(store: Store) -> None:
    for second in range(1, 601):
        store.add(NOON + second, 1.0, {A: done(1)})
    windows = store.windows(NOON + 7, NOON + 593, 600, everything)
    assert [(at - NOON, found[A].requests, found[A].seconds) for at, found in windows] == [(0, 586, 586.0)]


def test_a_look_counts_in_the_window_of_its_middle(store: Store) -> None:
    """Looks come a little late: by its end each would be in the next second now and then."""
    for second in range(5):
        store.add(NOON + second + 1.02, 1.0, {A: done(2)})
    assert requests(store, NOON, NOON + 5) == [(second, 2) for second in range(5)]


def test_a_second_without_traffic_is_told_apart_from_one_nobody_looked_at(store: Store) -> None:
    store.add(NOON + 1, 1.0, {A: done(1)})
    store.add(NOON + 2, 1.0, {})
    store.add(NOON + 9, 1.0, {A: done(1)})
    assert requests(store, NOON, NOON + 10) == [(0, 1), (1, 0), (8, 1)]


def test_only_what_is_wanted_is_answered_and_by_its_own_key(store: Store) -> None:
    store.add(NOON + 1, 1.0, {A: done(1), B: done(2), KINDS[2]: done(4)})
    ((_, found),) = store.windows(NOON, NOON + 1, 1, lambda series: series != A)
    assert {series: one.requests for series, one in found.items()} == {B: 2, KINDS[2]: 4}
    ((_, codes),) = store.grouped(NOON, NOON + 1, 1, lambda series: series.response_code)
    assert {code: one.requests for code, one in codes.items()} == {"200": 3, "503": 4}


def test_the_first_look_knows_nothing(store: Store) -> None:
    store.add(NOON, 0.0, {})
    assert store.span() is None
    assert requests(store, NOON - 10, NOON + 10) == []


def test_what_a_killed_process_had_added_is_there(store: Store, path: Path, tmp_path: Path) -> None:
    for second in range(1, 28):
        store.add(NOON + second, 1.0, {A: done(1)})
    copy = tmp_path / "killed"
    copy.mkdir()
    for file in (path, path.with_name("telemetry.db-wal")):
        shutil.copy(file, copy)
    with closing(Database(copy / "telemetry.db", [TELEMETRY])) as database:
        again = Store(database)
        assert requests(again, NOON, NOON + 60, 10) == [(0, 10), (10, 10), (20, 7)]
        again.add(NOON + 28, 1.0, {A: done(1)})
        assert again.grouped(NOON, NOON + 300, 300, lambda _: "")[0][1][""].requests == 28


def test_a_full_disk_is_told_and_the_store_goes_on_when_there_is_room(store: Store, database: Database) -> None:
    store.add(NOON + 1, 1.0, {A: done(1)})
    ((pages,),) = database.query("PRAGMA page_count")
    database.query(f"PRAGMA max_page_count = {pages}")
    failed = []
    for second in range(2, 100):
        try:
            store.add(NOON + second, 1.0, {kind(second, number): done(second) for number in range(20)})
        except StateBroken as error:
            failed.append(str(error))
    assert len(failed) > 50
    assert "the disk is full" in failed[0]
    database.query("PRAGMA max_page_count = 1000000")
    for second in range(100, 200):
        store.add(NOON + second, 1.0, {A: done(1)})
    windows = store.windows(NOON, NOON + 300, 300, lambda series: series == A)
    assert [found[A].requests for _, found in windows] == [101]
    reopened = Store(database)
    assert reopened.windows(NOON, NOON + 300, None, everything) == store.windows(NOON, NOON + 300, None, everything)


def kind(second: int, number: int) -> Series:
    return Series(destination_workload=f"{second}-{number}", response_code="200")


def test_a_window_that_rotted_on_the_disk_is_left_out(store: Store, database: Database) -> None:
    for second in range(1, 4):
        store.add(NOON + second, 1.0, {A: done(1)})
    database.execute("UPDATE windows SET body = ? WHERE at = ?", (b"\0\1", NOON + 1))
    assert requests(store, NOON, NOON + 5) == [(0, 1), (1, 0), (2, 1)]
    assert requests(Store(database), NOON, NOON + 5, 10) == [(0, 2)]


def test_a_clock_that_was_ahead_leaves_nothing_for_ever(store: Store) -> None:
    store.add(NOON + 1, 1.0, {A: done(1)})
    store.add(NOON + 1e6, 1.0, {A: done(7)})
    for second in range(2, 40):
        store.add(NOON + second, 1.0, {A: done(1)})
    assert sum(count for _, count in requests(store, NOON, NOON + 2e6)) < 40
    assert store.span() == (NOON, NOON + 39)


def test_span_is_from_the_oldest_window_to_the_newest(store: Store) -> None:
    for second in range(1, 1000):
        store.add(NOON + second, 1.0, {A: done(1)})
    assert store.span() == (NOON, NOON + 999)


def test_labels_of_another_version_are_left_out(store: Store, database: Database) -> None:
    store.add(NOON + 1, 1.0, {A: done(1)})
    database.execute("UPDATE series SET labels = ?", ('{"destination_workload":"a","mood":"good"}',))
    ((_, found),) = Store(database).windows(NOON, NOON + 1, 1, everything)
    assert list(found) == [Series(destination_workload="a")]


def test_marks_are_found_by_time(store: Store) -> None:
    store.mark(NOON, "weights", "reviews: v2 0 → 10 %", ("reviews.default.svc.cluster.local",))
    store.mark(NOON + 5, "deployment", "reviews-v2 restarted")
    assert store.marks(NOON, NOON + 5) == [
        Mark(NOON, "weights", "reviews: v2 0 → 10 %", ("reviews.default.svc.cluster.local",))
    ]
    assert [mark.what for mark in store.marks(0, NOON * 2)] == ["weights", "deployment"]


def test_another_programs_long_look_does_not_let_the_log_grow_for_ever(path: Path) -> None:
    most = 1_000_000
    with closing(Database(path, [TELEMETRY])) as database, closing(sqlite3.connect(path)) as other:
        store = Store(database, most_bytes=most)
        store.add(NOON, 1.0, {A: done(1)})
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM windows").fetchall()
        with pytest.raises(StateBroken, match="another program reads it"):  # noqa: PT012 - one of many, not which
            for second in range(1, 5000):
                store.add(NOON + second, 1.0, {A: done(1)})
        assert store.size_bytes() < most
        other.rollback()
        store.add(NOON + 5000, 1.0, {A: done(1)})
        assert requests(store, NOON + 4990, NOON + 5010) == [(4999, 1)]
