"""However much happens: the file, the series and the memory stay within their bounds."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from tests.telemetry.kinds import A, answered, done

from turnout.database import Database
from turnout.telemetry.marks import Mark, Marks
from turnout.telemetry.series import Series, other
from turnout.telemetry.store import MOST_BYTES, TELEMETRY, Store
from turnout.telemetry.tiers import TIERS, Tier
from turnout.telemetry.traffic import Traffic
from turnout.telemetry.window_row import BUCKETS, bucket_number

NOON = 1_800_000_000.0
HOUR = 3_600


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "telemetry.db", [TELEMETRY])) as opened:
        yield opened


def everything(series: Series) -> bool:
    return True


def numbered(number: int) -> Series:
    return answered(f"w{number}")


def total(store: Store, wanted: Callable[[Series], bool] = everything) -> int:
    windows = store.windows(0, NOON * 2, None, wanted)
    return sum(traffic.requests for _, found in windows for traffic in found.values())


def test_the_file_stays_below_its_bound_and_the_oldest_goes_first(database: Database) -> None:
    most = 1_000_000
    store = Store(database, most_bytes=most)
    traffic = busy(30, random.Random(1))
    largest = 0
    for second in range(1, 2500):
        store.add(NOON + second, 1.0, traffic)
        largest = max(largest, store.size_bytes())
    assert most * 0.6 < largest < most
    span = store.span()
    assert span is not None
    first, last = span
    assert last == NOON + 2499
    assert NOON < first < last - 60
    assert [at for at, _ in store.windows(last - 60, last, 1, everything)] == list(range(int(last) - 60, int(last)))


def test_what_is_left_after_dropping_is_whole(database: Database) -> None:
    store = Store(database, most_bytes=1_000_000)
    traffic = busy(30, random.Random(1))
    for second in range(1, 2500):
        store.add(NOON + second, 1.0, traffic)
    span = store.span()
    assert span is not None
    each = sum(one.requests for one in traffic.values())
    # 5 minutes go at once: what is left begins with one.
    assert span[0] % 300 == 0
    assert total(store) == each * (span[1] - span[0])


def test_a_smaller_bound_than_before_is_reached_by_and_by(database: Database) -> None:
    traffic = busy(30, random.Random(1))
    large = Store(database)
    for second in range(1, 1500):
        large.add(NOON + second, 1.0, traffic)
    before, most = large.size_bytes(), 500_000
    assert before > 2 * most
    small = Store(database, most_bytes=most)
    for second in range(1500, 1700):
        small.add(NOON + second, 1.0, traffic)
    assert small.size_bytes() < most


def test_a_bound_too_small_for_anything_still_counts(database: Database) -> None:
    store = Store(database, most_bytes=50_000)
    for second in range(1, 700):
        store.add(NOON + second, 1.0, busy(30, random.Random(second)))
    span = store.span()
    assert span is not None
    assert span[1] == NOON + 699


def test_series_beyond_the_limit_count_as_other(database: Database) -> None:
    store = Store(database, most_series=3)
    store.add(NOON + 1, 1.0, {numbered(number): done(1) for number in range(3)})
    assert store.folded == 0
    store.add(NOON + 2, 1.0, {numbered(number): done(1) for number in range(1, 7)})
    assert store.folded == 4
    ((_, found),) = store.windows(NOON + 1, NOON + 2, 1, everything)
    assert {series: one.requests for series, one in found.items()} == {
        numbered(1): 1,
        numbered(2): 1,
        other(A): 4,
    }


def test_what_stands_for_the_others_tells_codes_and_copies_apart(database: Database) -> None:
    store = Store(database, most_series=1)
    copies = Series(destination_workload="c", response_code="200", mirrored=True)
    kinds = {A: done(1), answered("b"): done(2), answered("b", "503"): done(3), copies: done(4)}
    store.add(NOON + 1, 1.0, kinds)
    ((_, found),) = store.windows(NOON, NOON + 1, 1, lambda series: series.route == "other")
    assert {(s.response_code, s.mirrored): one.requests for s, one in found.items()} == {
        ("200", False): 2,
        ("503", False): 3,
        ("200", True): 4,
    }


def test_series_without_a_window_are_forgotten_and_make_room(database: Database) -> None:
    store = Store(database, most_series=2, tiers=(Tier(1, 20, 1), Tier(10, 60, 1), Tier(60, 600, 1)))
    store.add(NOON + 1, 1.0, {numbered(1): done(1), numbered(2): done(1), numbered(3): done(1)})
    for second in range(2, 1000):
        store.add(NOON + second, 1.0, {numbered(1): done(1)})
    store.add(NOON + 1000, 1.0, {numbered(3): done(1)})
    assert total(store, lambda series: series == numbered(3)) == 1
    again = Store(database, most_series=2)
    again.add(NOON + 1001, 1.0, {numbered(4): done(1)})
    assert again.folded == 1


def test_a_series_that_does_not_come_again_is_no_problem_any_more(database: Database) -> None:
    store = Store(database, most_series=1)
    store.add(NOON + 1, 1.0, {numbered(1): done(1), numbered(2): done(1)})
    for second in range(2, 1200):
        store.add(NOON + second, 1.0, {numbered(1): done(1)})
        if second < 800:
            assert store.folded == 1
    assert store.folded == 0


def test_marks_are_the_last_ones_of_seven_days(database: Database) -> None:
    marks = Marks(database, most=5)
    for second in range(8):
        marks.add(Mark(NOON + second, "weights", "x" * 5000))
    found = marks.between(0, NOON * 2)
    assert [mark.at - NOON for mark in found] == [3, 4, 5, 6, 7]
    assert len(found[0].text) == 1000
    marks.add(Mark(NOON + 8 * 86_400, "mirror", ""))
    assert [mark.what for mark in marks.between(0, NOON * 2)] == ["mirror"]


def busy(series: int, chance: random.Random, rate: float = 2.0) -> dict[Series, Traffic]:
    """What so many series do within a second, with latencies from 1 ms to 30 s."""
    return {numbered(number): second_of(chance, rate, 1_000 * 1.3 ** (number % 38)) for number in range(series)}


def second_of(chance: random.Random, rate: float, middle: float) -> Traffic:
    requests = max(1, round(chance.expovariate(1 / rate)))
    traffic = Traffic(requests=requests, seconds=1.0, request_bytes=requests * chance.randint(200, 2000))
    traffic.response_bytes = requests * chance.randint(500, 50_000)
    for _ in range(requests):
        value = chance.lognormvariate(0, 0.5) * middle
        unit = 10 ** (len(str(int(value))) - 2)
        bucket = BUCKETS[bucket_number((value // unit * unit, unit))]
        traffic.durations[bucket] = traffic.durations.get(bucket, 0) + 1
    return traffic


@dataclass(frozen=True, slots=True)
class Cost:
    mean_ms: float
    most_ms: float
    most_bytes: int
    grown_bytes: int


def simulate(store: Store, seconds: int, series: int) -> Cost:
    """A faked clock; all series busy each second, and every minute one comes along that nobody knows."""
    chance = random.Random(7)
    kinds = [busy(series, chance) for _ in range(40)]
    memory = psutil.Process().memory_info().rss
    spent, most_spent, most_bytes = 0.0, 0.0, 0
    for second in range(1, seconds + 1):
        traffic = kinds[chance.randrange(len(kinds))]
        if second % 60 == 0:
            traffic = {**traffic, answered(f"new-{second}"): done(1)}
        began = time.perf_counter()
        store.add(NOON + second, 1.0, traffic)
        took = time.perf_counter() - began
        spent, most_spent, most_bytes = spent + took, max(most_spent, took), max(most_bytes, store.size_bytes())
    grown = psutil.Process().memory_info().rss - memory
    return Cost(spent / seconds * 1000, most_spent * 1000, most_bytes, grown)


def within_bounds(store: Store, series: int, tiers: tuple[Tier, ...]) -> None:
    span = store.span()
    assert span is not None
    last = span[1]
    names = {one for _, found in store.windows(last - 60, last, 60, everything) for one in found}
    assert len({one for one in names if one != other(one)}) <= series
    assert any(one == other(one) for one in names)
    assert store.folded > 0
    assert [store.step(last - tier.keep_seconds + tier.seconds) for tier in tiers[:2]] == [1, 10]


def test_hours_at_the_limit_of_series_stay_within_the_bounds(database: Database) -> None:
    """A hundredth of the series, a third of the time, in a hundredth of the file; the soak test does all of it."""
    tiers = tuple(Tier(tier.seconds, tier.keep_seconds // 3, tier.level) for tier in TIERS)
    store = Store(database, tiers=tiers, most_series=20, most_bytes=MOST_BYTES // 100)
    cost = simulate(store, 2 * HOUR, 20)
    within_bounds(store, 20, tiers)
    assert cost.most_bytes < MOST_BYTES // 100
    assert cost.grown_bytes < 30_000_000


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_six_hours_at_the_limit_of_series_stay_within_the_bounds(database: Database) -> None:
    store = Store(database)
    cost = simulate(store, 6 * HOUR, 2000)
    print(cost)  # noqa: T201 - the figures of the soak
    within_bounds(store, 2000, TIERS)
    assert cost.most_bytes < MOST_BYTES
    assert cost.grown_bytes < 150_000_000
    assert cost.mean_ms < 100
