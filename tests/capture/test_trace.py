"""What is understood of Envoy's tap, and what is not taken for an answer."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.capture.answers import HOST, batch, copied, exchange, raw, read

from turnout.capture.trace import trace, traces


def test_a_users_answer() -> None:
    found = read(raw("a1", body=b'{"n": 1}', status=201, response={"content-type": "application/json"}, took_ms=12.5))
    assert (found.is_copy, found.host, found.subset) == (False, HOST, "v1")
    answer = found.exchange
    assert (answer.key, answer.route, answer.method, answer.path) == ("a1", "main", "GET", "/things?page=1")
    assert (answer.status, answer.body, answer.header("content-type")) == (201, b'{"n": 1}', "application/json")
    assert answer.duration_ms == pytest.approx(12.5)
    assert answer.answered
    assert not answer.truncated


def test_a_copys_answer_says_who_was_asked() -> None:
    found = read(copied("v2"))
    assert (found.is_copy, found.host, found.subset) == (True, HOST, "v2")


def test_the_rule_that_mirrors_a_route_goes_by_the_routes_name() -> None:
    assert exchange(raw(route="my route-mirror")).route == "my route"


def test_what_envoy_answers_in_place_of_a_copys_receiver_is_marked() -> None:
    late = copied(status=504, response={"x-turnout-flags": "UT", "x-envoy-upstream-service-time": ""})
    assert exchange(late).local_reply == "UT"
    assert not exchange(late).answered


def test_what_envoy_answers_a_user_by_itself_is_not_stables() -> None:
    refused = exchange(raw(status=503, response={"x-envoy-upstream-service-time": ""}))
    assert refused.local_reply
    assert not refused.answered


def test_a_route_may_take_from_answers_how_long_they_took() -> None:
    assert exchange(raw(response={"x-envoy-upstream-service-time": ""})).answered


@pytest.mark.parametrize(
    "answer", [raw(response={"x-turnout-flags": "UO"}), copied(response={"x-turnout-flags": "UO"})]
)
def test_no_service_can_pass_its_answer_off_as_envoys(answer: dict[str, Any]) -> None:
    assert exchange(answer).answered


def test_a_request_that_nobody_answered_has_no_status() -> None:
    assert exchange(copied(status=None)).status == 0
    assert exchange(copied(status=None)).duration_ms is None


def test_a_body_that_was_cut_off_by_the_capture_says_so() -> None:
    assert exchange(raw(truncated=True)).truncated


def test_bytes_that_are_no_text_survive() -> None:
    assert exchange(raw(body=bytes(range(256)))).body == bytes(range(256))


def test_all_of_a_batch_in_its_order() -> None:
    found = list(traces(batch(raw("1"), copied(key="2"), raw("3"))))
    assert [each.exchange.key for each in found if each] == ["1", "2", "3"]


@pytest.mark.parametrize("empty", [b"", b"\n", b" \n\n"])
def test_a_batch_may_be_empty(empty: bytes) -> None:
    assert list(traces(empty)) == []


def test_a_batch_that_broke_off_is_told_apart() -> None:
    whole = batch(raw("1"), raw("2"))
    found = traces(whole[:-40])
    assert next(found)
    with pytest.raises(ValueError, match=r"."):
        next(found)


def test_requests_that_nobody_copies_are_none_of_ours() -> None:
    other = raw()
    headers = other["http_buffered_trace"]["request"]["headers"]
    headers[:] = [each for each in headers if each["key"] != "x-turnout-copied"]
    assert trace(other) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_whatever_else_there_is_does_no_harm(data: Any) -> None:
    for found in (data, {"http_buffered_trace": data}, {"http_buffered_trace": {"request": data, "response": data}}):
        assert trace(found) is None


@given(st.sampled_from(["x-turnout-copied", ":status", "x-turnout-id", ":method"]), st.text(max_size=20))
def test_whatever_a_header_says_does_no_harm(name: str, value: str) -> None:
    given_headers = {"response" if name == ":status" else "request": {name: value}}
    found = trace(json.loads(json.dumps(raw(**given_headers))))  # type: ignore[arg-type]  # one of two keywords
    assert found is None or found.exchange.body == b"{}"


def test_base64_is_what_the_body_is_in() -> None:
    data = raw()
    data["http_buffered_trace"]["response"]["body"]["as_bytes"] = b64encode(b"\x1f\x8b").decode()
    assert exchange(data).body == b"\x1f\x8b"
