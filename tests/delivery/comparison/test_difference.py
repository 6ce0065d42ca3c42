"""Two answers: status, headers, bodies of all kinds; and what is no data."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.comparison.answers import RULES, answer, differences, exchange, found, outcome

from turnout.delivery.comparison.difference import compare
from turnout.delivery.comparison.exchange import Exchange, Pair
from turnout.delivery.comparison.kind import Part

HTML = "text/html; charset=utf-8"


def gzipped(body: bytes, media: str = "application/json") -> Exchange:
    return exchange(gzip.compress(body), media=media, headers=(("content-encoding", "gzip"),))


@pytest.mark.parametrize(
    ("stable", "copy", "kind"),
    [
        (200, 500, "failed"),
        (200, 404, "failed"),
        (302, 503, "failed"),
        (404, 500, "failed"),
        (500, 200, "value"),
        (200, 201, "value"),
        (200, 302, "value"),
        (404, 403, "value"),
        (500, 404, "value"),
    ],
)
def test_a_worse_status_is_a_failure_and_another_one_a_difference(stable: int, copy: int, kind: str) -> None:
    assert found(answer({}, status=stable), answer({}, status=copy)) == {("status", kind)}


def test_an_error_page_is_not_compared_with_a_success() -> None:
    result = outcome(answer({"a": 1}), exchange("<h1>oops</h1>", media=HTML, status=500))
    assert [difference.path for difference in result.differences] == ["status"]
    assert result.parts == {Part.RESPONSE, Part.STATUS}
    assert result.lack == "statuses of two classes"


def test_error_answers_of_one_class_are_compared() -> None:
    assert found(answer({"e": 1}, status=404), answer({"e": 2}, status=404)) == {("$.e", "value")}


@pytest.mark.parametrize(
    ("stable", "copy", "expected"),
    [
        ((("cache-control", "no-cache"),), (), ("headers.cache-control", "missing")),
        ((), (("location", "/a"),), ("headers.location", "extra")),
        ((("vary", "a"),), (("vary", "b"),), ("headers.vary", "value")),
        ((("set-cookie", "sid=1"),), (("set-cookie", "sid=2"),), ("headers.set-cookie.sid", "value")),
        (
            (("set-cookie", "sid=1; Secure; HttpOnly"),),
            (("set-cookie", "sid=1; HttpOnly"),),
            ("headers.set-cookie.sid.attributes", "value"),
        ),
    ],
)
def test_headers_that_clients_act_on(
    stable: tuple[tuple[str, str], ...], copy: tuple[tuple[str, str], ...], expected: tuple[str, str]
) -> None:
    assert found(answer({}, headers=stable), answer({}, headers=copy)) == {expected}


def test_when_a_cookie_expires_is_a_moment_and_whether_it_does_is_not() -> None:
    def cookie(rest: str) -> Exchange:
        return answer({}, headers=(("set-cookie", f"sid=1{rest}"),))

    monday, tuesday = (
        cookie("; Expires=Mon, 01 Jan 2024 00:00:00 GMT"),
        cookie("; Expires=Tue, 02 Jan 2024 00:00:00 GMT"),
    )
    assert not found(monday, tuesday)
    assert found(monday, cookie("")) == {("headers.set-cookie.sid.attributes", "value")}


def test_headers_that_nobody_acts_on_are_left_out() -> None:
    noise = (("date", "now"), ("x-request-id", "1"), ("server", "a"))
    assert not found(answer({}), answer({}, headers=noise))


def test_another_media_type_is_a_type_another_charset_a_value() -> None:
    assert ("headers.content-type", "type") in found(answer({}), exchange("{}", media=HTML))
    charset = exchange("{}", media="application/json; charset=utf-8")
    assert found(answer({}), charset) == {("headers.content-type", "value")}
    assert found(answer({}), exchange("{}")) == {("headers.content-type", "missing")}


def test_json_that_is_none_is_a_finding_of_its_own() -> None:
    broken = exchange('{"a": 1', media="application/json")
    (difference,) = differences(answer({"a": 1}), broken)
    assert (difference.path, difference.kind) == ("body", "malformed")
    assert difference.excerpts() == ('{"a": 1}', '{"a": 1')
    assert found(broken, answer({"a": 1})) == {("body", "type")}
    assert not found(broken, broken)


@pytest.mark.parametrize(
    "body", ["NaN", '{"a": Infinity}', "{'a': 1}", "9" * 5_000, "[" * 100_000, "[" * 101 + "]" * 101]
)
def test_what_python_reads_and_json_is_not_or_nobody_could_walk_through(body: str) -> None:
    assert found(answer({}), exchange(body, media="application/json")) == {("body", "malformed")}


@pytest.mark.parametrize("media", ["application/json", "application/problem+json", "text/json; charset=utf-8", None])
def test_json_by_its_type_or_else_by_its_looks(media: str | None) -> None:
    assert found(exchange('{"a": 1}', media=media), exchange('{"a": 2}', media=media)) == {("$.a", "value")}


def test_text_that_looks_like_json_is_text() -> None:
    assert found(exchange('{"a": 1}', media="text/plain"), exchange('{"a": 2}', media="text/plain")) == {
        ("body", "value")
    }


def test_a_byte_order_mark_is_nothing() -> None:
    assert not found(answer({"a": 1}), exchange(b'\xef\xbb\xbf{"a": 1}', media="application/json"))


def test_text_is_shown_where_it_differs() -> None:
    page = "<p>" + "word " * 1_000
    (difference,) = differences(exchange(page + "old", media=HTML), exchange(page + "new", media=HTML))
    stable, copy = difference.excerpts()
    assert stable is not None
    assert copy is not None
    assert (stable[-5:], copy[-5:]) == ("d old", "d new")
    assert stable.startswith("…")
    assert len(stable) <= 120
    assert difference.sample == len(page) + 3


def test_the_same_text_in_two_charsets_is_the_same_text() -> None:
    latin = exchange("é".encode("latin-1"), media="text/plain; charset=latin-1")
    assert found(latin, exchange("é", media="text/plain; charset=utf-8")) == {("headers.content-type", "value")}


@pytest.mark.parametrize("charset", ["nonsense", "zlib_codec", "rot13", "unicode_escape", "idna", "utf-8"])
def test_a_charset_that_is_unknown_or_not_kept_to_does_no_harm(charset: str) -> None:
    bodies = (exchange(b"\xff\xfe" + rest, media=f"text/plain; charset={charset}") for rest in (b"a", b"b"))
    assert found(*bodies) == {("body", "value")}


def test_binary_is_compared_by_content_and_shown_by_size() -> None:
    png = bytes(range(256))
    assert not found(exchange(png, media="image/png"), exchange(png, media="image/png"))
    (difference,) = differences(exchange(png, media="image/png"), exchange(png * 5, media="image/png"))
    assert (difference.path, difference.kind, difference.sample) == ("body", "value", 1280.0)
    assert (difference.excerpts()[1] or "").startswith("1,280 bytes, redacted:")


def test_bodies_of_two_sorts() -> None:
    png = exchange(bytes(range(256)), media="image/png")
    assert found(answer({}), png) == {("headers.content-type", "type"), ("body", "type")}
    assert found(answer({}), replace(png, headers=answer({}).headers[:1])) == {("body", "malformed")}
    assert found(answer({}), exchange("", media="application/json")) == {("body", "missing")}
    assert found(exchange("", media="application/json"), answer({})) == {("body", "extra")}


def test_content_codings_are_taken_off() -> None:
    body = b'{"a": 1}'
    deflated = exchange(zlib.compress(body), media="application/json", headers=(("content-encoding", "deflate"),))
    bare = zlib.compressobj(wbits=-15)
    raw = exchange(
        bare.compress(body) + bare.flush(), media="application/json", headers=(("content-encoding", "deflate"),)
    )
    assert not found(deflated, raw)
    assert found(gzipped(body), answer({"a": 2})) == {("headers.content-encoding", "missing"), ("$.a", "value")}
    twice = exchange(
        gzip.compress(gzip.compress(body[:4]) + gzip.compress(body[4:])),
        media="application/json",
        headers=(("content-encoding", "gzip, gzip"),),
    )
    assert found(answer({"a": 1}), twice) == {("headers.content-encoding", "extra")}


def test_a_body_that_grows_beyond_the_bound_is_not_inflated() -> None:
    bomb = gzipped(gzip.compress(b"0" * 100_000_000), media="text/plain")
    bomb = replace(bomb, headers=tuple((k, "gzip, gzip" if k == "content-encoding" else v) for k, v in bomb.headers))
    result = outcome(gzipped(b"small", media="text/plain"), bomb)
    assert ("body", "truncated") in {(d.path, d.kind.value) for d in result.differences}
    assert Part.BODY not in result.parts


def test_a_coding_that_cannot_be_read_here_is_no_data_unless_the_bytes_are_equal() -> None:
    def brotli(body: bytes) -> Exchange:
        return exchange(body, media="application/json", headers=(("content-encoding", "br"),))

    assert Part.BODY in outcome(brotli(b"1"), brotli(b"1")).parts
    for one, other in ((brotli(b"1"), brotli(b"2")), (answer({}), brotli(b"2")), (brotli(b"1"), answer({}))):
        result = outcome(one, other)
        assert Part.BODY not in result.parts
        assert not [difference for difference in result.differences if difference.path == "body"]
        assert (result.lack or "").endswith("coded")


LACKING = {
    "reset in the middle": exchange("", media="application/json", headers=(("content-length", "8"),)),
    "half of it": exchange('{"a"', media="application/json", headers=(("content-length", "8"),)),
    "nothing where nothing was announced": exchange(
        "", media="application/json", headers=(("transfer-encoding", "chunked"),)
    ),
    "gzip that ends early": exchange(
        gzip.compress(b'{"a": 1}')[:-4], media="application/json", headers=(("content-encoding", "gzip"),)
    ),
}


@pytest.mark.parametrize("copy", LACKING.values(), ids=LACKING)
def test_a_body_that_broke_off_is_never_equal(copy: Exchange) -> None:
    result = outcome(answer({"a": 1}), copy)
    assert ("body", "cut") in {(difference.path, difference.kind.value) for difference in result.differences}
    assert Part.BODY not in result.parts
    assert Part.CONTENT in result.parts
    itself = outcome(copy, copy)
    assert Part.BODY not in itself.parts
    assert itself.lack == "stable cut"


def test_a_body_that_was_captured_in_part_is_no_data() -> None:
    part = answer({"a": 1}, truncated=True)
    assert outcome(part, part).lack == "stable truncated"
    result = outcome(answer({"a": 1}), part)
    assert [(difference.path, difference.kind.value) for difference in result.differences] == [("body", "truncated")]
    assert Part.BODY not in result.parts


@pytest.mark.parametrize("more", [{"method": "HEAD"}, {"status": 204}, {"status": 304}])
def test_answers_that_have_no_body_are_complete_without_one(more: dict[str, object]) -> None:
    bodiless = exchange("", headers=(("content-length", "800"),), **more)  # type: ignore[arg-type] # a status or a method
    result = outcome(bodiless, bodiless)
    assert Part.BODY in result.parts
    assert not result.differences


def test_a_reply_that_the_proxy_made_is_none() -> None:
    local = exchange("upstream request timeout", status=504, local_reply="UT")
    (difference,) = differences(answer({}), local)
    assert (difference.path, difference.kind, difference.excerpts()) == ("response", "unanswered", ("200", "UT"))
    assert outcome(answer({}), local).parts == {Part.RESPONSE}
    assert outcome(local, answer({})).parts == frozenset()
    assert outcome(local, local).parts == frozenset()
    assert differences(answer({}), exchange(status=0))[0].kind == "unanswered"


def test_a_number_beyond_all_bounds_can_be_written_as_json() -> None:
    (difference,) = differences(answer({}), exchange('{"a": 1e999}', media="application/json"))
    (other,) = differences(
        exchange('{"a": 1}', media="application/json"), exchange('{"a": 1e999}', media="application/json")
    )
    assert difference.kind == "extra"
    json.dumps(other.sample, allow_nan=False)


def test_pairs_are_answers_to_one_request() -> None:
    with pytest.raises(AssertionError):
        Pair(exchange(key="1"), exchange(key="2"), "candidate")


BODIES = st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | st.just(b'{"a": [1, {"b": null}]}')
EXCHANGES = st.builds(
    lambda status, media, coding, body: exchange(
        body, status=status, media=media, headers=(("content-encoding", coding),) if coding else ()
    ),
    st.sampled_from([200, 201, 301, 404, 500]),
    st.sampled_from([None, "application/json", "text/plain; charset=utf-16", "image/png", "nonsense"]),
    st.sampled_from(["", "gzip", "br", "deflate, gzip"]),
    BODIES,
)


@given(EXCHANGES)
def test_an_answer_never_differs_from_itself(one: Exchange) -> None:
    assert not outcome(one, one).differences
    assert not compare(Pair(one, replace(one, body=bytes(one.body)), "baseline"), RULES).differences


@given(EXCHANGES, EXCHANGES)
def test_swapped_sides_swap_missing_and_extra(one: Exchange, other: Exchange) -> None:
    """Of what looks both ways; whether it is worse depends on which one is stable."""
    swapped = {"missing": "extra", "extra": "missing"}
    plainly = {"failed": "value", "malformed": "type"}
    one_way = ("cut", "truncated")
    forth = {(path, plainly.get(kind, kind)) for path, kind in found(one, other) if kind not in one_way}
    back = {(path, plainly.get(kind, kind)) for path, kind in found(other, one) if kind not in one_way}
    assert forth == {(path, swapped.get(kind, kind)) for path, kind in back}
