from __future__ import annotations

from tests.telemetry.spans_of import copy, handed_over, hop

from turnout.telemetry.span import Trace, folded


def numbers(trace: Trace) -> list[tuple[int, int]]:
    """Each span's number and its parent's."""
    return [(int(span.span_id, 16), int(span.parent_id or "0", 16)) for span in trace.spans]


def test_a_copy_is_one_hop_below_the_call_that_it_was_made_of() -> None:
    trace = Trace.of([hop(1), handed_over(2, 1), copy(3, 2)])

    assert numbers(trace) == [(1, 0), (3, 1)]


def test_a_copy_that_was_dropped_is_told_by_its_handing_over() -> None:
    trace = Trace.of([hop(1), handed_over(2, 1, error=True, flags="UO")])

    assert numbers(trace) == [(1, 0), (2, 1)]


def test_a_copy_was_caused_by_whoever_sent_the_request() -> None:
    trace = Trace.of([hop(1, source="cart", source_namespace="shop"), handed_over(2, 1), copy(3, 2)])

    assert (trace.spans[1].source, trace.spans[1].source_namespace) == ("cart", "shop")


def test_what_a_copys_answerer_calls_is_a_consequence_of_the_copy() -> None:
    trace = Trace.of([hop(1), handed_over(2, 1), copy(3, 2), hop(4, 3, source="reviews-v2"), hop(5, 4)])

    assert [span.mirrored for span in trace.spans] == [False, True, True, True]
    assert trace.spans[2].source == "reviews-v2"


def test_spans_are_in_the_order_in_which_they_began_however_they_came() -> None:
    assert [span.span_id for span in folded([hop(3, 1), hop(2, 1), hop(1)])] == [
        hop(1).span_id,
        hop(2).span_id,
        hop(3).span_id,
    ]


def test_a_span_that_came_twice_is_there_once() -> None:
    assert numbers(Trace.of([hop(1), hop(1)])) == [(1, 0)]


def test_the_root_is_the_first_hop_that_is_known_even_if_its_caller_is_not() -> None:
    assert Trace.of([hop(3, 2), hop(2, 77)]).root == hop(2, 77)


def test_a_trace_lasts_until_the_last_answer_that_somebody_waited_for() -> None:
    trace = Trace.of([hop(1, duration_ms=20), copy(2, 1, duration_ms=900), hop(3, 1, duration_ms=19)])

    assert round(trace.duration_ms, 3) == 21.0


def test_a_trace_of_nothing_but_a_copy_lasts_as_long_as_that() -> None:
    trace = Trace.of([copy(2, 1)])

    assert (trace.root, round(trace.duration_ms, 3)) == (copy(2, 1), 10.0)


def test_a_trace_is_an_error_when_a_hop_failed_and_not_when_a_copy_did() -> None:
    assert Trace.of([hop(1), hop(2, 1, error=True)]).error
    assert not Trace.of([hop(1), copy(2, 1, error=True)]).error


def test_a_trace_says_that_it_has_copies() -> None:
    assert Trace.of([hop(1), copy(2, 1)]).mirrored
    assert not Trace.of([hop(1)]).mirrored


def test_the_path_is_what_follows_the_host() -> None:
    assert hop(1).path == "/a?b=c"
    assert hop(1, url="http://reviews.test").path == "/"
    assert hop(1, url="").path == ""
