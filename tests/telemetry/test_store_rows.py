"""How a window is written down: everything comes back as it was."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.telemetry.histogram import quantile
from turnout.telemetry.traffic import Traffic
from turnout.telemetry.window_row import BUCKETS, Tally, bucket_number, decode, encode

counts = st.integers(0, 300) | st.integers(0, 2**63)
durations = st.dictionaries(st.integers(0, len(BUCKETS) - 1), st.integers(1, 300) | st.integers(1, 2**40), max_size=8)
tallies = st.builds(Tally, counts, counts, counts, counts, durations)
windows = st.dictionaries(st.integers(1, 2**31), tallies, max_size=20)


@given(windows, st.sampled_from([1, 6]))
def test_a_window_comes_back_as_it_was(window: dict[int, Tally], level: int) -> None:
    assert dict(decode(encode(window, level))) == window


@given(windows, st.data())
def test_only_what_is_wanted_is_read(window: dict[int, Tally], data: st.DataObject) -> None:
    wanted = data.draw(st.sets(st.sampled_from(sorted(window)) | st.integers(1, 2**31))) if window else {1}
    found = dict(decode(encode(window, 1), wanted))
    assert found == {number: tally for number, tally in window.items() if number in wanted}


def test_envoys_buckets_come_back_to_the_last_bit() -> None:
    """As Envoy 1.40 writes them."""
    for bucket in [(0.0, 0.0), (1, 0.1), (5, 0.1), (92, 1), (110.00000000000001, 10), (229.99999999999997, 10)]:
        assert BUCKETS[bucket_number(bucket)] == bucket


def test_every_bucket_has_its_own_number() -> None:
    assert [bucket_number(bucket) for bucket in BUCKETS] == list(range(len(BUCKETS)))


@pytest.mark.parametrize(
    ("bucket", "kept"),
    [
        ((230.0, 10.0), (229.99999999999997, 10.0)),
        ((1200.0, 50.0), (1200.0, 100.0)),
        ((0.5, 0.1), (0.0, 0.0)),
        ((1e30, 1e29), BUCKETS[-1]),
    ],
)
def test_a_bucket_that_envoy_does_not_have_counts_in_the_one_where_it_begins(
    bucket: tuple[float, float], kept: tuple[float, float]
) -> None:
    tally = Tally()
    tally.count(Traffic(durations={bucket: 3}))
    assert tally.traffic(1.0).durations == {kept: 3}


def test_quantiles_from_a_millisecond_to_a_minute_are_within_5_percent() -> None:
    chance = random.Random(4)
    for middle in (1_000 * 1.3**step for step in range(42)):
        exact = sorted(chance.lognormvariate(0, 0.4) * middle for _ in range(20_000))
        tally = Tally()
        tally.count(Traffic(durations=counted(exact)))
        kept = dict(decode(encode({1: tally}, 6)))[1].traffic(1.0)
        for share in (0.5, 0.9, 0.99, 0.999):
            found = quantile(kept.durations, share)
            assert found == pytest.approx(exact[int(share * len(exact))], rel=0.05)


def counted(microseconds: list[float]) -> dict[tuple[float, float], int]:
    """As Envoy does."""
    found: dict[tuple[float, float], int] = {}
    for value in microseconds:
        unit = 10 ** (len(str(int(value))) - 2)
        bucket = BUCKETS[bucket_number((int(value) // unit * unit, unit))]
        found[bucket] = found.get(bucket, 0) + 1
    return found


def test_a_damaged_body_is_told() -> None:
    body = bytearray(encode({1: Tally(5)}, 6))
    body[-1] ^= 1
    with pytest.raises(zlib.error):
        dict(decode(bytes(body)))


def test_a_busy_series_takes_a_few_bytes_a_second() -> None:
    """At the limit of series, all tiers have to fit their file."""
    window = {number: Tally(3, 0, 900, 4000, {300 + number % 90: 2, 320 + number % 50: 1}) for number in range(2000)}
    assert len(encode(window, 1)) < 2000 * 10
