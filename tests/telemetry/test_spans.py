from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.telemetry.spans_of import TRACE, copy, handed_over, hop

from turnout.database import Database
from turnout.telemetry import spans as module
from turnout.telemetry.span import Span
from turnout.telemetry.spans import SPANS, Search, Spans


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "traces.db", (SPANS,))
    yield opened
    opened.close()


@pytest.fixture
def spans(database: Database) -> Spans:
    return Spans(database)


def found(spans: Spans, **search: object) -> list[int]:
    """The numbers of the traces that are found."""
    return [int(trace.root.trace_id, 16) for trace in spans.search(Search(**search))]  # type: ignore[arg-type] # by name


def test_a_span_comes_back_as_it_was(spans: Spans) -> None:
    span = Span(
        TRACE, "b7ad6b7169203331", "a2fb4a1d1a96d312", "reviews:80/*", 1e9 + 0.25, 1.5, "a", "b", "c", "d", "e", "f",
        "g", "h", "i", "1.2.3.4:5", "ns/vs/http[0]", "POST", "http://ä/ö", "HTTP/2", "503", "UH", "14", 1, 2, "id",
        error=True, mirrored=True, handed_over=True,
    )  # fmt: skip
    spans.add([span])

    trace = spans.trace(TRACE)
    assert trace is not None
    assert list(trace.spans) == [span]


def test_spans_of_one_trace_that_come_in_pieces_are_one_trace(spans: Spans) -> None:
    spans.add([hop(2, 1)])
    spans.add([hop(1), hop(3, 1, trace=7)])

    trace = spans.trace(TRACE)
    assert trace is not None
    assert list(trace.spans) == [hop(1), hop(2, 1)]
    assert spans.trace("0" * 32) is None


def test_the_latest_traces_come_first_and_no_more_than_wanted(spans: Spans) -> None:
    spans.add([hop(1, trace=1, at=10.0), hop(1, trace=2, at=30.0), hop(1, trace=3, at=20.0)])

    assert found(spans) == [2, 3, 1]
    assert found(spans, limit=2) == [2, 3]


def test_a_service_is_found_by_its_full_name_and_by_the_beginning_of_it(spans: Spans) -> None:
    spans.add([hop(1, trace=1), hop(1, trace=2, service="reviews-old.default.svc.cluster.local")])

    assert found(spans, service="reviews") == [1]
    assert found(spans, service="reviews.default") == [1]
    assert found(spans, service="reviews.default.svc.cluster.local") == [1]
    assert found(spans, service="review") == []


def test_a_workload_is_found_as_caller_and_as_answerer(spans: Spans) -> None:
    spans.add([hop(1, trace=1, source="cart"), hop(1, trace=2, workload="cart"), hop(1, trace=3)])

    assert sorted(found(spans, workload="cart")) == [1, 2]


@pytest.mark.parametrize(("status", "expected"), [("503", [2]), ("5xx", [2, 3]), ("error", [3, 4]), ("200", [1])])
def test_a_status_is_a_code_a_class_or_any_error(spans: Spans, status: str, expected: list[int]) -> None:
    hops = {1: "200", 2: "503", 3: "500", 4: "0"}
    spans.add([hop(1, trace=number, status=code, error=number > 2) for number, code in hops.items()])

    assert sorted(found(spans, status=status)) == expected


def test_all_that_is_said_of_a_hop_is_said_of_the_same_one(spans: Spans) -> None:
    spans.add([hop(1, trace=1, workload="a", status="503"), hop(2, 1, trace=1, workload="b")])

    assert found(spans, workload="b", status="503") == []
    assert found(spans, workload="a", status="503") == [1]


def test_copies_are_searched_for_and_their_time_does_not_count(spans: Spans) -> None:
    spans.add([hop(1, trace=1), handed_over(2, 1, trace=1), copy(3, 2, trace=1, duration_ms=500), hop(1, trace=2)])

    assert found(spans, mirrored=True) == [1]
    assert found(spans, min_ms=100) == []


def test_traces_are_found_by_how_long_they_took_from_the_first_hop_to_the_last_answer(spans: Spans) -> None:
    spans.add([hop(1, trace=1), hop(90, 1, trace=1)])  # the second begins 89 ms later, and takes 10
    spans.add([hop(1, trace=2)])

    assert found(spans, min_ms=50) == [1]
    assert found(spans, max_ms=50) == [2]
    assert sorted(found(spans, min_ms=5, max_ms=100)) == [1, 2]


def test_traces_are_found_by_when_they_began(spans: Spans) -> None:
    spans.add([hop(1, trace=1, at=10.0), hop(1, trace=2, at=20.0)])

    assert found(spans, since=15.0) == [2]


def test_a_trace_is_found_by_the_beginning_of_its_id(spans: Spans) -> None:
    spans.add([hop(1), hop(1, trace="0af8" + "0" * 28)])

    assert spans.ids("0af7") == [TRACE]
    assert spans.ids(TRACE) == [TRACE]
    assert len(spans.ids("0af")) == 2
    assert spans.ids("1") == []


def test_beyond_the_bound_the_traces_that_came_first_go_and_go_whole(database: Database) -> None:
    spans = Spans(database, most_spans=10)
    for number in range(1, 8):
        spans.add([hop(1, trace=number), hop(2, 1, trace=number)])

    assert len(spans) == 10
    assert sorted(found(spans)) == [3, 4, 5, 6, 7]
    assert all(len(trace.spans) == 2 for trace in spans.search(Search()))


def test_bytes_are_bounded_too(database: Database) -> None:
    spans = Spans(database, most_bytes=10_000)
    for number in range(200):
        spans.add([hop(1, trace=number, url="http://x/" + "y" * 500)])

    assert 10 <= len(spans) <= 20
    assert 199 in found(spans)


def test_no_trace_takes_the_room_of_all(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_A_TRACE", 5)

    assert spans.add([hop(number) for number in range(1, 5)]) == 0
    assert spans.add([hop(number) for number in range(5, 9)]) == 3
    assert spans.add([hop(9), hop(1, trace=2)]) == 1
    assert len(spans) == 6


def test_the_file_stays_bounded_however_much_comes(tmp_path: Path) -> None:
    database = Database(tmp_path / "traces.db", (SPANS,))
    spans = Spans(database, most_spans=2_000)
    sizes = []
    for batch in range(12):
        spans.add([hop(1, trace=batch * 1000 + number) for number in range(1000)])
        sizes.append((tmp_path / "traces.db").stat().st_size)
    database.close()

    assert sizes[-1] <= sizes[4] * 1.2


def test_what_was_kept_is_there_after_a_restart_and_still_counted(tmp_path: Path) -> None:
    first = Database(tmp_path / "traces.db", (SPANS,))
    Spans(first).add([hop(1), hop(2, 1)])
    first.close()
    second = Database(tmp_path / "traces.db", (SPANS,))
    spans = Spans(second, most_spans=2)
    assert len(spans) == 2
    spans.add([hop(1, trace=5)])

    assert found(spans) == [5]
    second.close()


def test_a_span_of_a_newer_turnout_is_read_as_far_as_it_is_known(spans: Spans, database: Database) -> None:
    spans.add([hop(1)])
    database.execute("""UPDATE spans SET body = '{"novelty":1,' || substr(body, 2)""")

    trace = spans.trace(TRACE)
    assert trace is not None
    assert list(trace.spans) == [hop(1)]
