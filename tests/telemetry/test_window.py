"""What happened between two looks at Envoy's counters."""

from __future__ import annotations

from turnout.telemetry.stats import Series, Snapshot
from turnout.telemetry.window import Window, summed

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
    window.add(Snapshot(0.0, {OK: 100}))
    window.add(Snapshot(1.0, {OK: 3}))
    assert window.totals() == {OK: 103}


def test_after_envoys_restart_rates_begin_anew() -> None:
    window = Window()
    window.add(Snapshot(0.0, {OK: 100}))
    window.add(Snapshot(1.0, {OK: 3}))
    assert window.traffic(10.0) == {}


def test_one_look_tells_no_rate() -> None:
    window = Window()
    window.add(Snapshot(0.0, {OK: 100}))
    assert window.traffic(10.0) == {}
