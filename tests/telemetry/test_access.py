"""A request as a line of JSON, and which requests somebody wants to see."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from turnout.telemetry.access import Request, Wanted, is_status, line

REQUEST = Request(
    at=1_795_312_631.2205,
    duration_ms=12.34567,
    status=503,
    source="web",
    source_namespace="default",
    service="reviews.default.svc.cluster.local",
    workload="reviews-v2",
    namespace="default",
    version="v2",
    subset="v2",
    flags="URX,UF",
    path="/é\n",
)


def test_a_request_is_one_line_of_json_that_explains_its_flags() -> None:
    text = line(REQUEST)
    assert "\n" not in text
    told = json.loads(text)
    assert told["at"] == "2026-11-22T01:57:11.220Z"
    assert told["duration_ms"] == 12.346
    assert told["path"] == "/é\n"
    assert told["flags"] == "URX,UF"
    assert "connection to the destination could not be made" in told["flags_in_words"]


def test_every_line_has_the_same_fields() -> None:
    nothing = Request(at=0.0, duration_ms=0.0, status=0)
    assert list(json.loads(line(nothing))) == list(json.loads(line(REQUEST)))
    assert json.loads(line(nothing))["flags_in_words"] == ""


@pytest.mark.parametrize(
    "name", ["", "web", "reviews-v2", "reviews", "reviews.default.svc.cluster.local"], ids=lambda name: name or "any"
)
def test_a_request_concerns_its_caller_who_answered_and_the_service(name: str) -> None:
    assert Wanted(workload=name).includes(REQUEST)


@pytest.mark.parametrize("name", ["v2", "reviews-v1", "review", "default", "ratings"])
def test_a_request_concerns_nobody_else(name: str) -> None:
    assert not Wanted(workload=name).includes(REQUEST)


def test_a_service_is_not_its_callers() -> None:
    assert Wanted(service="reviews").includes(REQUEST)
    assert not Wanted(service="web").includes(REQUEST)
    assert not Wanted(service="reviews").includes(replace(REQUEST, service=""))


@pytest.mark.parametrize(
    ("statuses", "status", "wanted"),
    [
        ((), 200, True),
        (("5xx",), 503, True),
        (("5xx",), 404, False),
        (("404", "5xx"), 404, True),
        (("404",), 400, False),
        (("0",), 0, True),
        (("1xx",), 0, False),
    ],
)
def test_statuses_are_wanted_by_number_or_by_class(statuses: tuple[str, ...], status: int, wanted: bool) -> None:
    assert Wanted(statuses=statuses).includes(replace(REQUEST, status=status)) is wanted


def test_what_is_no_status_is_known() -> None:
    assert all(map(is_status, ("0", "200", "5xx", "1xx")))
    assert not any(map(is_status, ("", "6xx", "5XX", "xx", "ok", "2000", "²")))
