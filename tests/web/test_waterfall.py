"""A trace as bars: nested by cause, placed by time, whatever is missing or odd."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.web.waterfall import bars, called, details, length_ms, ticks

BEGAN = 1_700_000_000.0


def span(
    span_id: str, parent_id: str = "", at_ms: float = 0.0, duration_ms: float = 1.0, **more: Any
) -> dict[str, Any]:
    empty = ("source", "source_namespace", "service", "workload", "namespace", "version", "subset", "route", "method")
    rest = ("url", "status", "flags", "grpc_status", "upstream", "request_id", "name")
    found: dict[str, Any] = dict.fromkeys((*empty, *rest), "")
    found |= {"span_id": span_id, "parent_id": parent_id, "at": BEGAN + at_ms / 1000, "duration_ms": duration_ms}
    return found | {"request_bytes": 0, "response_bytes": 0, "error": False, "mirrored": False} | more


def trace(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"trace_id": "ab", "at": min(each["at"] for each in spans), "spans": list(spans)}


def test_hops_stand_below_the_one_that_caused_them_by_their_beginnings() -> None:
    found = bars(trace(span("c", "a", 5), span("d", "b", 3), span("a"), span("b", "a", 1)))
    assert [(bar.span["span_id"], bar.depth) for bar in found] == [("a", 0), ("b", 1), ("d", 2), ("c", 1)]


def test_bars_stand_where_their_time_is() -> None:
    found = bars(trace(span("a", duration_ms=8), span("b", "a", 2, 8)))
    places = [place for bar in found for place in (bar.start, bar.width)]
    assert places == pytest.approx([0, 80, 20, 80], abs=0.05)  # unix seconds are no finer


def test_a_hop_whose_cause_is_not_known_stands_by_itself() -> None:
    assert [bar.depth for bar in bars(trace(span("a"), span("b", "gone", 1)))] == [0, 0]


def test_hops_that_cause_each_other_are_shown_once() -> None:
    found = bars(trace(span("a", "b"), span("b", "a", 1)))
    assert sorted(bar.span["span_id"] for bar in found) == ["a", "b"]


def test_a_bar_never_vanishes_nor_leaves_its_lane() -> None:
    for bar in bars(trace(span("a", duration_ms=1e6), span("b", "a", 1e6, 0.0), span("c", "a", 5.0, 0.001))):
        assert bar.width > 0
        assert bar.start + bar.width <= 100


def test_a_trace_without_any_length_has_one_all_the_same() -> None:
    assert length_ms(trace(span("a", duration_ms=0))) > 0
    assert bars(trace(span("a", duration_ms=0)))[0].start == 0


def test_the_axis_goes_from_nothing_to_the_end() -> None:
    assert ticks(400) == ["0", "100 ms", "200 ms", "300 ms", "400 ms"]


def test_versions_of_a_service_have_colours_of_their_own() -> None:
    host = "reviews.default.svc.cluster.local"
    spans = [span(str(at), "", at, service=host, version=version) for at, version in enumerate(("v1", "v2", "v1"))]
    assert [bar.look for bar in bars(trace(*spans))] == [1, 2, 1]
    assert [called(each) for each in spans] == ["reviews v1", "reviews v2", "reviews v1"]
    assert called(span("a", service="example.com", version="latest", subset="old")) == "example.com old"


def test_details_tell_what_is_known_and_why_it_failed() -> None:
    failed = span("a", "", 2, 3.5, status="503", flags="UF", workload="app-v1", namespace="default")
    found = details(trace(span("b"), failed), failed)
    assert ("status", "503 UF") in found
    assert ("began after", "2.00 ms") in found
    assert ("answered by", "default/app-v1") in found
    assert any(name == "why" and "connection" in text for name, text in found)
    assert all(text for _, text in found)
