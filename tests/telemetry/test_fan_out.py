"""Calls per user request: from counters on average, from traces one by one, where calls can be told whose they are."""

from __future__ import annotations

from typing import Any

from tests.telemetry.spans_of import copy, hop
from tests.telemetry.test_graph import called, host
from tests.telemetry.test_graph import copy as copied

from turnout.mesh.proxy import GATEWAY_NAMESPACE, GATEWAY_WORKLOAD
from turnout.telemetry.fan_out import LEAST_TRACED, Calls, Counted, Traced, counted, traced
from turnout.telemetry.series import Series
from turnout.telemetry.span import Span, Trace
from turnout.telemetry.traffic import Traffic

NUMBERS = Calls(host("numbers"), lambda route: True)
NOW = 2000.0
"""The spans began at 1000."""
PAGE = ("default", "page")


def seen(**requests: int) -> dict[Series, Traffic]:
    """`gateway_page=10`: requests from one to the other."""
    return {called(*ends.split("_")): Traffic(n) for ends, n in requests.items()}


# --- from counters


def test_the_mean_is_calls_per_request_that_came_in_at_a_gateway() -> None:
    found = counted(seen(gateway_page=100, page_numbers=2500), NUMBERS)
    assert found == Counted(100, 2500, 0, frozenset({PAGE}))
    assert found.mean == 25


def test_calls_far_behind_the_gateway_are_of_the_requests_that_led_there() -> None:
    found = counted(seen(gateway_page=100, page_cart=200, cart_numbers=600, gateway_about=1000), NUMBERS)
    assert (found.user_requests, found.calls) == (100, 600)


def test_calls_that_no_request_led_to_are_left_out() -> None:
    found = counted(seen(gateway_page=100, page_numbers=200, timer_numbers=5000), NUMBERS)
    assert (found.user_requests, found.calls) == (100, 200)


def test_copies_and_what_only_they_cause_are_left_out() -> None:
    traffic = seen(gateway_page=100, page_numbers=200)
    traffic |= {copied("page", "v2"): Traffic(100), called("page-v2", "numbers"): Traffic(900)}
    assert counted(traffic, NUMBERS).calls == 200


def test_a_service_that_calls_itself_is_reached_directly_and_again() -> None:
    traffic = {
        called("gateway", "numbers", route="edge"): Traffic(100),
        called("numbers", "numbers", route="inside"): Traffic(2500),
    }
    everything = counted(traffic, NUMBERS)
    assert (everything.user_requests, everything.calls, everything.direct) == (100, 2600, 100)
    inside = counted(traffic, Calls(host("numbers"), lambda route: route == "inside"))
    assert (inside.user_requests, inside.calls, inside.direct) == (100, 2500, 0)


def test_requests_by_another_route_to_a_service_that_calls_nobody_are_not_in_question() -> None:
    traffic = {called("gateway", "numbers", route=route): Traffic(100) for route in ("a", "b")}
    found = counted(traffic, Calls(host("numbers"), lambda route: route == "a"))
    assert (found.user_requests, found.calls, found.direct) == (100, 100, 100)


def test_without_user_requests_there_is_no_mean() -> None:
    assert counted(seen(page_numbers=5), NUMBERS).mean is None
    assert counted({}, NUMBERS) == Counted(0, 0, 0, frozenset())


# --- from traces


def entry(trace: int, **more: Any) -> Span:
    """A user request, as the gateway tells of it."""
    at_gateway = {"source": GATEWAY_WORKLOAD, "source_namespace": GATEWAY_NAMESPACE, "namespace": "default"}
    return hop(1, 0, trace, **at_gateway, service=host("page"), workload="page", request_id=f"id-{trace}", **more)


def call(number: int, trace: int, parent: int = 1, **more: Any) -> Span:
    """What the page calls."""
    of_page: dict[str, Any] = {"source": "page", "source_namespace": "default", "service": host("numbers")}
    return hop(number, parent, trace, **of_page | more)


def of(*traces: list[Span], now: float = NOW) -> Traced:
    return traced([Trace.of(spans) for spans in traces], NUMBERS, frozenset({PAGE}), now)


def test_calls_within_a_trace_that_begins_at_the_gateway_are_of_one_user_request() -> None:
    found = of([entry(1), call(2, 1), call(3, 1)], [entry(2), call(2, 2)], [entry(3)])
    assert found == Traced({2: 1, 1: 1, 0: 1}, by_trace=3)
    assert (found.propagates, found.header) == (True, "traceparent")


def test_calls_with_the_id_of_a_user_request_are_of_it() -> None:
    alone = [[call(9, 10 + n, parent=0, request_id="id-1")] for n in range(3)]
    found = of([entry(1)], *alone)
    assert found == Traced({3: 1}, by_request_id=3)
    assert found.header == "x-request-id"


def test_calls_without_a_context_are_nobodys() -> None:
    found = of([entry(1)], *[[call(9, 10 + n, parent=0, request_id=f"own-{n}")] for n in range(25)])
    assert found == Traced({0: 1}, stray=25)
    assert (found.propagates, found.header) == (False, None)


def test_copies_and_what_they_cause_are_no_calls() -> None:
    spans = [entry(1), call(2, 1), copy(3, 1, trace=1), call(4, 1, parent=3)]
    assert of(spans).distribution == {1: 1}


def test_a_request_that_has_not_ended_is_waited_for() -> None:
    unfinished = [call(2, 1, parent=1)]
    assert of(unfinished, now=1010.0) == Traced({})
    assert of(unfinished).stray == 1


def test_of_a_request_that_has_just_ended_not_all_may_have_been_heard() -> None:
    assert of([entry(1)], now=1002.0).distribution == {}
    assert of([entry(1)], now=1010.0).distribution == {0: 1}


def test_what_others_call_is_not_in_question() -> None:
    assert of([call(2, 1, parent=0, source="timer")]) == Traced({})
    assert Traced({}).propagates is None


def test_a_distribution_is_believed_when_there_is_enough_of_it_and_counters_agree() -> None:
    enough = {25: LEAST_TRACED}
    assert Traced(enough, by_trace=25 * LEAST_TRACED).believable(24)
    assert not Traced(enough, by_trace=25 * LEAST_TRACED).believable(50)
    assert not Traced(enough, by_trace=25 * LEAST_TRACED, stray=25 * LEAST_TRACED).believable(25)
    assert not Traced({25: LEAST_TRACED - 1}, by_trace=25).believable(25)
