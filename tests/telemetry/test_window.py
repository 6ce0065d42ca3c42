"""What happened between two looks at Envoy's counters."""

from __future__ import annotations

from turnout.telemetry.series import Series
from turnout.telemetry.stats import Snapshot
from turnout.telemetry.sums import MOST_FORMER
from turnout.telemetry.traffic import Traffic, summed
from turnout.telemetry.window import Window

OK = Series(destination_workload="a", response_code="200")
BAD = Series(destination_workload="a", response_code="503")


def test_a_rate_is_requests_per_second_between_two_moments() -> None:
    window = Window()
    window.add(Snapshot(100.0, {OK: 10}))
    window.add(Snapshot(110.0, {OK: 60, BAD: 5}))
    traffic = window.traffic(10.0)
    assert traffic[OK].rate == 5.0
    both = summed(traffic, [OK, BAD])
    assert (both.requests, both.errors) == (55, 5)


def test_only_the_last_seconds_count() -> None:
    window = Window()
    for second in range(20):
        window.add(Snapshot(float(second), {OK: second * (100 if second > 10 else 1)}))
    assert window.traffic(5.0)[OK].requests == 19 * 100 - 14 * 100


def test_latency_comes_from_the_requests_of_the_window_alone() -> None:
    window = Window()
    window.add(Snapshot(0.0, {OK: 5}, {OK: {(1000.0, 100.0): 5}}))
    window.add(Snapshot(1.0, {OK: 15}, {OK: {(1000.0, 100.0): 5, (50_000.0, 1000.0): 10}}))
    found = window.traffic(10.0)[OK].milliseconds(0.5)
    assert found is not None
    assert 50 <= found <= 51


def test_totals_go_on_when_envoy_starts_anew() -> None:
    window = Window()
    window.add(Snapshot(0.0, {OK: 100}), "first")
    window.add(Snapshot(1.0, {OK: 103}), "second")
    window.add(Snapshot(2.0, {OK: 104}), "second")
    assert window.totals() == {OK: 204}


def test_rates_go_on_when_envoy_starts_anew() -> None:
    window = Window()
    window.add(Snapshot(0.0, {OK: 100}, {OK: {(1000.0, 100.0): 100}}))
    window.add(Snapshot(1.0, {OK: 3}, {OK: {(2000.0, 100.0): 3}}))
    found = window.traffic(10.0)[OK]
    assert found.requests == 3
    assert found.durations == {(2000.0, 100.0): 3}


def test_a_series_that_envoy_forgets_keeps_its_count_and_touches_no_other() -> None:
    """With a listener go the counters that only it had, and with a cluster its own."""
    window = Window()
    window.add(Snapshot(0.0, {OK: 100, BAD: 5}, clusters={"a": {"x": 7}}))
    window.add(Snapshot(1.0, {OK: 110}))
    assert window.totals() == {OK: 110, BAD: 5}
    window.add(Snapshot(2.0, {OK: 120, BAD: 1}, clusters={"a": {"x": 2, "y": 1}}))
    assert window.totals() == {OK: 120, BAD: 6}
    assert window.latest.clusters == {"a": {"x": 9, "y": 1}}


def test_what_envoy_has_forgotten_is_remembered_within_bounds() -> None:
    window = Window()
    window.add(Snapshot(0.0, {Series(route=str(index)): 1 for index in range(MOST_FORMER + 100)}))
    window.add(Snapshot(1.0))
    assert len(window.totals()) == MOST_FORMER


def test_looking_often_makes_the_window_no_narrower() -> None:
    window = Window(seconds=20.0)
    for tick in range(2000):
        window.add(Snapshot(tick / 100, {OK: tick}))
    assert window.totals() == {OK: 1999}
    assert 990 <= window.traffic(10.0)[OK].requests <= 1000


def test_one_look_tells_no_rate() -> None:
    window = Window()
    window.add(Snapshot(0.0, {OK: 100}))
    assert window.traffic(10.0) == {}


def test_a_look_says_what_happened_since_the_one_before() -> None:
    window = Window()
    assert window.add(Snapshot(5.0, {OK: 100, BAD: 1})) == (0.0, {})
    sizes = {OK: {(300.0, 10.0): 2}}
    seconds, traffic = window.add(
        Snapshot(7.0, {OK: 102, BAD: 1}, {OK: {(1000, 100): 2}}, request_sizes=sizes, response_sizes=sizes)
    )
    assert seconds == 2.0
    assert traffic == {OK: Traffic(2, 0, 2.0, {(1000, 100): 2}, 610, 610)}


def test_of_an_envoy_known_from_its_start_the_first_requests_count_too() -> None:
    window = Window()
    window.add(Snapshot(0.0), "first")
    _, traffic = window.add(Snapshot(1.0, {OK: 3}), "first")
    assert traffic[OK].requests == 3


def test_what_is_taken_of_the_sums_stays_as_it_was() -> None:
    window = Window()
    window.add(Snapshot(0.0, {OK: 1}, {OK: {(1000, 100): 1}}))
    taken = dict(window.latest.durations)
    window.add(Snapshot(1.0, {OK: 2}, {OK: {(1000, 100): 2}}))
    assert taken[OK] == {(1000, 100): 1}
    assert window.latest.durations[OK] == {(1000, 100): 2}


def test_histograms_that_come_a_look_later_are_not_lost() -> None:
    window = Window()
    window.add(Snapshot(0.0))
    window.add(Snapshot(1.0, {OK: 2}))
    _, later = window.add(Snapshot(2.0, {OK: 2}, {OK: {(1000.0, 100.0): 2}}))
    assert (later[OK].requests, later[OK].durations) == (0, {(1000.0, 100.0): 2})
    assert window.traffic(10.0)[OK].milliseconds(0.5) is not None


def test_a_counter_that_is_0_is_there() -> None:
    window = Window()
    for at in (0.0, 1.0):
        window.add(Snapshot(at, clusters={"a": {"sent": 1, "dropped": 0}, "b": {"sent": 0}}))
        assert window.latest.clusters == {"a": {"sent": 1, "dropped": 0}, "b": {"sent": 0}}
