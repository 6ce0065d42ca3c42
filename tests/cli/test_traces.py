"""Traces in the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rich.console import Console
from tests.telemetry.spans_of import TRACE, copy, handed_over, hop

from turnout.cli.waterfall import listed, waterfall
from turnout.control.traces import summary, whole
from turnout.telemetry.span import Span, Trace


def printed(what: Any, width: int = 160) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(what)
    return [line.rstrip() for line in capture.get().splitlines()]


def drawn(*spans: Span, width: int = 160) -> list[str]:
    """The lines of the hops."""
    return printed(waterfall(whole(Trace.of(spans))), width)[3:]


CUSTOMER = hop(1, service="customer.default.svc.cluster.local", version="v1", route="main", duration_ms=40)
PREFERENCE = hop(10, 1, source="customer-v1", service="preference.default.svc.cluster.local", duration_ms=20)
COPY = copy(12, 10, service="preference.default.svc.cluster.local", subset="canary", duration_ms=200)


def test_hops_are_below_the_one_that_caused_them_with_a_bar_where_they_were() -> None:
    first, second, third = drawn(CUSTOMER, PREFERENCE, hop(35, 1, source="customer-v1", duration_ms=6))

    assert first.split() == ["gateway", "→", "customer", "v1", "200", "40.0", "█" * 24, "main"]
    assert second.split()[:6] == ["├─", "customer-v1", "→", "preference", "200", "20.0"]
    assert third.split()[:5] == ["└─", "customer-v1", "→", "reviews", "200"]
    bars = [line.index("█") - first.index("█") for line in (first, second, third)]
    assert bars == [0, 5, 20]
    assert second.count("█") == 12


def test_a_copy_is_told_from_what_users_got() -> None:
    *_, copied = drawn(CUSTOMER, PREFERENCE, handed_over(11, 10), replace(COPY, parent_id=hop(11).span_id))

    assert copied.split()[:6] == ["└─", "customer-v1", "→", "preference", "canary", "(copy)"]


def test_the_hops_of_a_copy_do_not_shift_the_trace_s_time() -> None:
    head = printed(waterfall(whole(Trace.of([CUSTOMER, PREFERENCE, COPY]))))[0]

    assert head.startswith("GET /a?b=c  40.0 ms  1970-01-01")


def test_a_failure_shows_its_flags() -> None:
    (line,) = drawn(hop(1, workload="", status="503", flags="UH", error=True))

    assert "503 UH" in line


def test_spans_whose_callers_are_not_known_are_all_shown() -> None:
    assert len(drawn(hop(3, 2), hop(5, 4))) == 2


def test_spans_that_cause_each_other_in_a_circle_are_shown_too() -> None:
    assert len(drawn(hop(1, 2), hop(2, 1), hop(3))) == 3


def test_a_waterfall_fits_a_narrow_terminal_with_its_figures() -> None:
    lines = drawn(CUSTOMER, replace(PREFERENCE, route="a-very-long/name-of-a-route/http[0]"), width=80)

    assert all(len(line) <= 80 for line in lines)
    assert "20.0" in lines[1]


def test_the_list_has_a_line_for_each_trace() -> None:
    traces = [summary(Trace.of([CUSTOMER, PREFERENCE, COPY])), summary(Trace.of([hop(1, trace=7, status="404")]))]
    head, *lines = printed(listed({"traces": traces}))

    assert head.split() == ["TRACE", "BEGAN", "MS", "HOPS", "STATUS", "REQUEST", "TO"]
    began = lines[0].split()[1]
    assert lines[0].split() == [TRACE[:12], began, "40.0", "3", "200", "GET", "/a?b=c", "customer", "+", "copies"]
    assert lines[1].split()[3:] == ["1", "404", "GET", "/a?b=c", "reviews"]


def test_without_a_trace_it_says_why_that_may_be() -> None:
    assert "one request in a hundred" in printed(listed({"traces": []}))[0]
