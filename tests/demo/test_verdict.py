"""What the demo measures, and when it calls the story a success."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts.demo.binomial import interval
from scripts.demo.row import Calls, Row, header
from scripts.demo.secret import Secret
from scripts.demo.verdict import EXPECTED_FAILING, Replaced, checks, surprise

ROW = Row(
    title="phase 1: baseline",
    clients=10,
    started=20,
    finished=20,
    failed=0,
    rate_per_second=0.8,
    mean_ms=12_500.0,
    p50_ms=12_100.0,
    p99_ms=25_000.0,
    counted_by_envoy=20,
    green_share=None,
)
BUG = replace(ROW, title="bug", clients=100, started=400, finished=400, failed=85, counted_by_envoy=400)
END = replace(ROW, title="100 %", rate_per_second=30.0, green_share=1.0)
FOUND = Secret(960, {"regression": frozenset({"status"})}, users=0)
FIXED = Secret(960, {"difference": frozenset({"$.endpoint_version"}), "noise": frozenset({"$.number"})}, users=4)
REPLACED = Replaced(times=3, requests=200, failed=0)


def missed(rows: tuple[Row, ...] = (ROW, BUG, END), **changes: object) -> list[str]:
    """The texts of the checks that do not hold."""
    arguments = {
        "bug": rows[1],
        "secrets": (FOUND, FIXED),
        "replaced": REPLACED,
        "seconds": 240.0,
        "left": (),
        **changes,
    }
    return [check.text for check in checks(rows, **arguments) if not check.holds]  # type: ignore[arg-type] # by name


def below(n: int, p: float, count: int) -> float:
    """P(X < count), the slow way."""
    return math.fsum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(count))


@given(st.integers(1, 60), st.floats(0.01, 0.99), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_leaves_out_no_more_than_its_tails_and_could_not_be_narrower(n: int, p: float, c: float) -> None:
    low, high = interval(n, p, c)
    tail, close = (1 - c) / 2, 1e-9
    assert below(n, p, low) <= tail + close
    assert below(n, p, low + 1) >= tail - close
    assert 1 - below(n, p, high + 1) <= tail + close
    assert 1 - below(n, p, high) >= tail - close


def test_one_in_five_users_is_expected_to_meet_a_bug_that_one_call_in_a_hundred_meets() -> None:
    assert round(EXPECTED_FAILING, 4) == 0.2136
    assert interval(400, EXPECTED_FAILING, 0.99) == (65, 107)


def test_a_story_that_went_well_misses_nothing() -> None:
    assert missed() == []


@pytest.mark.parametrize("failed", [64, 108])
def test_a_share_of_failures_that_chance_does_not_explain_is_missed(failed: int) -> None:
    assert "failed" in missed((ROW, replace(BUG, failed=failed), END))[0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ((ROW, BUG, replace(END, rate_per_second=11.9)), "15 times as fast"),
        ((replace(ROW, failed=1), BUG, END), "phase 1: baseline: 1"),
        ((ROW, BUG, replace(END, finished=19, counted_by_envoy=19)), "100 %: 1"),
        ((ROW, replace(BUG, started=401), END), "400 of 401"),
        ((ROW, BUG, replace(END, green_share=0.999)), "99.9 %"),
        ((ROW, BUG, replace(END, counted_by_envoy=21)), "Envoy counted 21"),
    ],
)
def test_each_figure_that_is_missed_is_named(rows: tuple[Row, ...], said: str) -> None:
    found = missed(rows)
    assert len(found) == 1
    assert said in found[0]


def test_slowness_lost_requests_and_leftovers_are_missed_as_well() -> None:
    assert len(missed(seconds=301.0)) == 1
    assert len(missed(replaced=replace(REPLACED, failed=1))) == 1
    assert missed(left=["123 envoy"]) == ["still running: 123 envoy"]


@pytest.mark.parametrize(
    ("found", "fixed"),
    [
        (replace(FOUND, paths={}), FIXED),
        (replace(FOUND, users=1), FIXED),
        (FOUND, replace(FIXED, paths={**FIXED.paths, "regression": frozenset({"$.number"})})),
        (FOUND, replace(FIXED, paths={"difference": FIXED.paths["difference"]})),
        (FOUND, replace(FIXED, paths={"noise": FIXED.paths["noise"]})),
    ],
)
def test_a_comparison_that_found_something_else_is_missed(found: Secret, fixed: Secret) -> None:
    assert len(missed(secrets=(found, fixed))) == 1


def field(path: str, name: str) -> dict[str, str]:
    return {"path": path, "class": name}


def test_what_compare_found_is_read_from_its_json_and_users_from_the_status() -> None:
    route = {"fields": [field("status", "regression"), field("$.a", "noise")], "copies": {"candidate": 30}}
    view = {"to": "green", "report": {"report": {"routes": [route, {"fields": [], "copies": {}}]}}}
    hops = [
        {"subset": "green", "mirrored": True, "requests": 30},
        {"subset": "green", "mirrored": False, "requests": 2},
        {"subset": "blue", "mirrored": False, "requests": 9},
    ]
    secret = Secret.of(view, {"hops": hops})
    assert secret == Secret(30, {"regression": frozenset({"status"}), "noise": frozenset({"$.a"})}, 2)
    assert secret.lesson == "`turnout compare` had found it (status) in 30 copies, when 2 users had met it."


def test_a_comparison_without_a_report_found_nothing() -> None:
    assert Secret.of({"to": "green", "report": None}, {"hops": []}) == Secret(0, {}, 0)


def test_the_lesson_is_one_line() -> None:
    assert surprise(BUG) == (
        "1 % of the calls moved, but 21 % of the users' requests failed: / calls it up to 50 times."
    )


def hop(source: str, subset: str, requests: int, *, mirrored: bool = False) -> dict[str, object]:
    return {"source": source, "subset": subset, "requests": requests, "mirrored": mirrored}


def test_users_and_the_applications_own_calls_are_counted_apart_and_copies_not_at_all() -> None:
    hops = [
        hop("istio-ingressgateway", "blue", 7),
        hop("app-blue", "blue", 99),
        hop("app-blue", "green", 1),
        hop("app-blue", "green", 50, mirrored=True),
    ]
    assert Calls.of({"hops": hops}) == Calls(users=7, numbers=100, green_numbers=1)


def test_a_row_sums_up_the_load_between_two_looks() -> None:
    report = {
        "elapsed_seconds": 50.0,
        "concurrency": 5.0,  # 250 s of waiting in all: the clients ran out of work one by one
        "requests": {"started": 21, "finished": 20, "failed": 1},
        "latency_ms": {"mean": 12_500.0, "p50": 999.4, "p99": 25_040.0},
    }
    row = Row.of("a step", 10, report, Calls(5, 100, 10), Calls(25, 300, 20))
    assert row.rate_per_second == pytest.approx(10 / 12.5)
    assert (row.errors, row.counted_by_envoy, row.green_share) == (2, 20, 0.05)
    assert " ".join(row.line().split()) == "a step 10 21 0.80 12.5 s 999 ms 25.0 s 2 (10 %) 5.0 %"
    assert len(row.line()) == len(header().splitlines()[0])
