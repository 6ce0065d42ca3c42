"""The parts without I/O: histogram, schedule, durations, targets, gateway names, summary."""

from __future__ import annotations

import math
import random

import pytest

from turnout.load import duration, gateway, summary
from turnout.load.histogram import Histogram
from turnout.load.ledger import Failure, Ledger
from turnout.load.plan import Plan
from turnout.load.report import Report
from turnout.load.schedule import Schedule
from turnout.load.target import Target

# Histogram


@pytest.mark.parametrize("spread", [(-7, -4), (-4, -1), (-5, 2)])
def test_percentiles_are_within_one_percent_of_the_exact_ones(spread: tuple[int, int]) -> None:
    chance = random.Random(1)
    values = sorted(10 ** chance.uniform(*spread) for _ in range(5000))
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    for percent in (50, 90, 99, 99.9, 100):
        exact = values[math.ceil(round(percent * len(values) / 100, 6)) - 1]
        assert histogram.percentile(percent) == pytest.approx(exact, rel=0.01, abs=1e-9)
    assert histogram.mean_seconds == pytest.approx(sum(values) / len(values))
    assert (histogram.shortest_seconds, histogram.longest_seconds) == (values[0], values[-1])


def test_a_histogram_takes_any_latency() -> None:
    histogram = Histogram()
    for seconds in (0.0, -1e-9, 1e-9, 1e7):
        histogram.add(seconds)
    assert histogram.count == sum(histogram.counts) == 4
    assert histogram.percentile(100) is not None


def test_merged_histograms_are_as_one() -> None:
    one, other, both = Histogram(), Histogram(), Histogram()
    for number in range(1, 100):
        (one if number % 2 else other).add(number / 1000)
        both.add(number / 1000)
    one.merge(other)
    assert one.counts == both.counts
    assert one.percentile(50) == both.percentile(50)


def test_no_latencies_have_no_percentile() -> None:
    assert Histogram().percentile(50) is None
    assert Histogram().mean_seconds is None


# Schedule


def test_the_closed_loop_starts_whenever_a_client_is_free() -> None:
    schedule = Schedule(rate=None, seconds=10, requests=3)
    assert [schedule.take(1.0), schedule.take(1.5), schedule.take(9.0)] == [1.0, 1.5, 9.0]
    assert schedule.over(9.0)
    assert schedule.take(9.0) is None
    assert schedule.wake_at() is None
    assert schedule.unstarted(20) == 0


def test_the_closed_loop_ends_with_its_time() -> None:
    schedule = Schedule(rate=None, seconds=10, requests=None)
    assert not schedule.over(9.99)
    assert schedule.over(10.0)
    assert schedule.take(10.0) is None


def test_the_open_loop_hands_out_due_times_however_late() -> None:
    schedule = Schedule(rate=10, seconds=None, requests=None)
    assert schedule.take(0.0) == 0.0
    assert schedule.take(0.05) is None
    assert [schedule.take(0.35) for _ in range(4)] == pytest.approx([0.1, 0.2, 0.3, None])
    assert schedule.wake_at() == pytest.approx(0.399)


def test_a_request_started_early_counts_from_its_start() -> None:
    schedule = Schedule(rate=10, seconds=None, requests=None)
    schedule.take(0.0)
    assert schedule.take(0.0995) == 0.0995


@pytest.mark.parametrize(("rate", "seconds", "count"), [(30, 0.1, 3), (100, 1, 100), (3, 1 / 3, 1), (7, 0.5, 4)])
def test_the_open_loop_has_rate_times_seconds_requests(rate: float, seconds: float, count: int) -> None:
    schedule = Schedule(rate=rate, seconds=seconds, requests=None)
    almost = seconds - 1e-6
    taken = [schedule.take(almost) for _ in range(count + 2)]
    assert [start is not None for start in taken] == [True] * count + [False] * 2


def test_the_open_loop_starts_what_was_due_before_its_end_until_it_is_closed() -> None:
    schedule = Schedule(rate=10, seconds=1, requests=None)
    assert schedule.take(1.2) == 0.0
    schedule.close(1.2)
    assert schedule.take(1.2) is None
    assert schedule.unstarted(1.2) == 9


def test_what_was_due_and_not_started_is_known() -> None:
    schedule = Schedule(rate=10, seconds=60, requests=None)
    schedule.take(0.0)
    assert schedule.unstarted(0.5) == 4
    schedule.close(0.5)
    assert schedule.unstarted(30) == 4


# Durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("5m", 300), ("1.5h", 5400), ("5M", 300), ("250ms", 0.25), ("1m30s", 90), (".5s", 0.5), ("0s", 0)],
)
def test_durations_have_a_unit(text: str, seconds: float) -> None:
    assert duration.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "60", "s", "-5s", "5x", "1 m", "1s2", "1..5s", "nan"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it with a unit"):
        duration.parse(text)


# Targets


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.test/", Target("http", "a.test", 80, "a.test", "/")),
        ("a.test", Target("http", "a.test", 80, "a.test", "/")),
        ("http://A.test:80", Target("http", "a.test", 80, "a.test", "/")),
        ("https://a.test:8443/x?y=1#z", Target("https", "a.test", 8443, "a.test:8443", "/x?y=1")),
        ("http://[::1]:9/ü", Target("http", "::1", 9, "[::1]:9", "/%C3%BC")),
        ("http://bücher.test/%2F", Target("http", "xn--bcher-kva.test", 80, "xn--bcher-kva.test", "/%2F")),
    ],
)
def test_a_url_is_taken_apart(url: str, expected: Target) -> None:
    assert Target.parse(url) == expected


@pytest.mark.parametrize(
    "url", ["ftp://a/", "http://", "http:///x", "http://u:p@a/", "http://a:99999/", "http://a..b/"]
)
def test_what_cannot_be_asked_for_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Target.parse(url)


def test_a_url_cannot_smuggle_a_header() -> None:
    request = Target.parse("http://a.test/x y\r\nevil: 1").request(Plan("http://a.test/"))
    assert b"evil" not in request.split(b"\r\n")[1]
    assert b"\r\nevil" not in request


# Gateway names

LISTENERS = [
    gateway.Listener(("default/shop.example", "*.shop.example"), 80, 8080),
    gateway.Listener(("*",), 443, 9443),
]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://shop.example/", ("127.0.0.1", 8080)),
        ("http://a.shop.example/", ("127.0.0.1", 8080)),
        ("https://shop.example/", ("127.0.0.1", 9443)),
        ("http://shop.example:8080/", ("127.0.0.1", 8080)),
        ("http://other.test/", ("127.0.0.1", 8080)),
        ("http://shop.localhost:7777/", ("127.0.0.1", 7777)),
        ("http://example.com/", None),
        ("https://example.com/", None),
    ],
)
def test_a_gateway_host_is_reached_on_loopback(url: str, address: tuple[str, int] | None) -> None:
    assert gateway.address(Target.parse(url), LISTENERS) == address


def test_test_names_are_local_even_without_an_instance() -> None:
    assert gateway.address(Target.parse("https://a.test/"), []) == ("127.0.0.1", 8443)


@pytest.mark.parametrize(("host", "may"), [("127.0.0.1", False), ("::1", False), ("localhost", False), ("a.b", True)])
def test_addresses_are_meant_as_written(host: str, may: bool) -> None:
    assert gateway.may_serve(host) is may


# Report and summary


def _report(ledger: Ledger) -> Report:
    return Report.of(
        ledger, url="http://a.test/", elapsed_seconds=2.0, window_seconds=1.0, unstarted=3, interrupted=False
    )


def _ledger() -> Ledger:
    ledger = Ledger()
    for number in range(8):
        ledger.start(0.0)
        ledger.answer(500 if number == 7 else 200, b"v2" if number % 4 == 3 else b"v1", 0.25, 1024 * 1024)
    ledger.start(0.5)
    ledger.error(Failure.TIMEOUT, 2.0, 0)
    ledger.start(0.0)
    ledger.retried = 2
    return ledger


def test_the_summary_reads_as_sieges() -> None:
    assert summary.text(_report(_ledger())) == "\n".join(
        [
            "Transactions:                      9 hits",
            "Availability:                  77.78 %",
            "Elapsed time:                   2.00 secs",
            "Data transferred:               8.00 MB",
            "Response time:                  0.25 secs",
            "Transaction rate:               4.50 trans/sec",
            "Throughput:                     4.00 MB/sec",
            "Concurrency:                    2.00",
            "Successful transactions:           7",
            "Failed transactions:               2",
            "Longest transaction:            0.25",
            "Shortest transaction:           0.25",
            "",
            "                        p50       p90       p99     p99.9",
            "Response time, ms       250       250       250       250",
            "",
            "Version  requests   share %    failed    p50 ms    p99 ms",
            "v1              6     75.00         0       250       250",
            "v2              2     25.00         1       250       250",
            "",
            "Status codes  200: 7, 500: 1",
            "Errors  timeout: 1",
            "1 unfinished: no answer yet when the run ended",
            "3 unstarted: due, but no client was free (more clients: -c)",
            "1 late: started over 10 ms after they were due (the wait is in their response time)",
            "2 retried: the server had closed the idle connection",
        ]
    )


def test_the_summary_of_nothing_has_no_numbers_made_up() -> None:
    text = summary.text(_report(Ledger()))
    assert "Availability:                   0.00 %" in text
    assert "Response time:                     - secs" in text


def test_one_failure_in_a_million_does_not_read_as_100_percent() -> None:
    ledger = Ledger()
    for number in range(100_000):
        ledger.start(0)
        ledger.answer(503 if number == 0 else 200, None, 0.001, 0)
    assert "99.999 %" in summary.text(_report(ledger))


def test_the_json_adds_up() -> None:
    data = _report(_ledger()).to_json()
    assert data["requests"] == {
        "started": 10,
        "finished": 9,
        "finished_in_window": 9,
        "successful": 7,
        "failed": 2,
        "unfinished": 1,
        "unstarted": 3,
        "late": 1,
        "retried": 2,
    }
    assert data["latency_ms"]["p99.9"] == pytest.approx(250, rel=0.01)
    assert data["versions"][1] == {
        "version": "v2",
        "requests": 2,
        "share_percent": 25.0,
        "failed": 1,
        "codes": {"200": 1, "500": 1},
        "latency_ms": data["versions"][0]["latency_ms"],
    }
    assert data["errors"] == {"timeout": 1}
    assert data["codes"] == {"200": 7, "500": 1}
