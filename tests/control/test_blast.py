"""The view `blast`, as JSON: what is known of calls per user request, and what of it."""

from __future__ import annotations

import pytest

from turnout.control.blast import of_route, shown
from turnout.delivery.blast_radius import counted, measured
from turnout.telemetry.fan_out import Counted, Traced

NOBODY = frozenset[tuple[str, str]]()
PAGE = frozenset({("default", "page")})


def test_25_calls_for_each_user_request_let_one_percent_touch_a_fifth_of_them() -> None:
    found = shown(Counted(40, 1000, 0, PAGE), Traced({0: 3}, stray=75))
    assert found == {
        "fan_out": {"mean": 25.0, "distribution": None},
        "user_requests": 40,
        "calls": 1000,
        "traced": 3,
        "propagates": False,
        "header": None,
    }
    assert round(counted(found["calls"], found["user_requests"]).touched(0.01), 3) == 0.222


def test_traces_tell_how_calls_are_distributed() -> None:
    found = shown(Counted(100, 500, 0, PAGE), Traced({0: 80, 25: 20}, by_trace=500))
    assert found["fan_out"] == {"mean": 5.0, "distribution": {"0": 80, "25": 20}}
    assert found["header"] == "traceparent"
    distribution = {int(calls): n for calls, n in found["fan_out"]["distribution"].items()}
    assert round(measured(distribution).touched(0.01), 3) == 0.044


def test_what_only_gateways_call_needs_no_trace() -> None:
    found = shown(Counted(100, 90, 90, NOBODY), Traced({}))
    assert found["fan_out"] == {"mean": 0.9, "distribution": {"1": 90, "0": 10}}
    assert found["propagates"] is True


def test_without_user_requests_nothing_is_known() -> None:
    found = shown(Counted(0, 0, 0, NOBODY), Traced({}))
    assert (found["fan_out"], found["propagates"]) == (None, None)


@pytest.mark.parametrize(
    ("route", "wanted", "is_of"),
    [
        ("main", "", True),
        ("main", "main", True),
        ("main-mirror", "main", True),
        ("main-users", "main", True),
        ("main.by-header", "main", True),
        ("main2", "main", False),
        ("default/app/http[2]", "http[2]", True),
        ("default/app/http[12]", "http[2]", False),
        ("", "main", False),
    ],
)
def test_a_route_and_the_rules_before_it_are_one(route: str, wanted: str, is_of: bool) -> None:
    assert of_route(route, wanted) is is_of
