"""Secrets stay out of everything that is kept, and still compare."""

from __future__ import annotations

import json
import time

import pytest
from tests.delivery.comparison.answers import REDACTION, RULES, answer, differences, exchange

from turnout.delivery.comparison.difference import HEADERS, Rules, compare
from turnout.delivery.comparison.exchange import Pair
from turnout.delivery.comparison.secret import Hidden, Redaction

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2&x=1",
        "POST /?access_token=hunter2",
        '{"password": "hunter2", broken',
        '{"apiKey":"hunter2"',
        "<password>hunter2</password>",
        '<client-secret type="plain">hunter2</client-secret>',
        '<input name="csrf_token" value="hunter2">',
        "Authorization: Bearer hunter2hunter2",
        "DB_PASSWORD: 'hunter2 and more'",
        "postgres://admin:hunter2@db:5432/",
        "X-Api-Key: hunter2",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter2",
    ],
)
def test_text_is_rid_of_what_shows_as_a_secret(text: str) -> None:
    assert "hunter2" not in REDACTION.in_text(text)
    assert "redacted:" in REDACTION.in_text(text)


def test_a_token_shows_by_its_looks_wherever_it_is() -> None:
    assert TOKEN[:20] not in REDACTION.in_text(f"<p>take {TOKEN}</p>")
    assert TOKEN[:20] not in json.dumps(REDACTION.in_json({"x": [f"take {TOKEN}"], TOKEN: 1}))


@pytest.mark.parametrize("text", ["nothing to hide", "https://example.test/a?b=c", "tokenised words", "basic facts"])
def test_other_text_stays(text: str) -> None:
    assert REDACTION.in_text(text) == text


def test_fields_are_hidden_by_name_with_all_that_is_below() -> None:
    hidden = REDACTION.in_json({"user": {"password": "x", "accessKeys": [{"id": "k1"}]}, "n": "x"})
    assert isinstance(hidden["user"]["password"], Hidden)
    assert isinstance(hidden["user"]["accessKeys"][0]["id"], Hidden)
    assert hidden["n"] == "x"


def test_equal_secrets_are_equal_others_differ_and_their_types_show() -> None:
    assert not differences(answer({"token": "x", "a": {}}), answer({"a": {}, "token": "x"}))
    (value,) = differences(answer({"token": "secret-one"}), answer({"token": "secret-two"}))
    assert (value.path, value.kind) == ("$.token", "value")
    (kind,) = differences(answer({"token": "17"}), answer({"token": 17}))
    assert kind.kind == "type"
    (gone,) = differences(answer({"token": "secret-one"}), answer({"token": None}))
    assert gone.kind == "type"


def test_a_name_written_with_escapes_is_still_a_name() -> None:
    body = '{"p\\u0061ssword": "%s"}'
    escaped = [exchange(body % value, media="application/json") for value in ("hunter2", "hunter3")]
    (difference,) = differences(*escaped)
    assert "hunter" not in repr(difference)


def test_without_the_key_nobody_can_try_out_what_a_digest_stands_for() -> None:
    assert Redaction(b"one").digest("1234") != Redaction(b"other").digest("1234")
    assert "one" not in repr(Redaction(b"one"))


def test_names_are_a_matter_of_configuration() -> None:
    redaction = Redaction(b"", headers=("x-internal",), fields=("shoe size",))
    assert redaction.is_secret("shoeSize")
    assert redaction.is_secret("x-internal")
    assert not redaction.is_secret("password")
    assert Redaction(b"", fields=()).in_text("password=1") == "password=1"


def test_headers_with_secrets_are_hidden_even_when_they_are_compared() -> None:
    rules = Rules(REDACTION, headers=(*HEADERS, "x-*"))
    stable = answer({}, headers=(("x-api-key", "hunter2"), ("location", "/?token=hunter2")))
    copy = answer({}, headers=(("x-api-key", "hunter3"), ("location", "/?token=hunter3")))
    outcome = compare(Pair(stable, copy, "candidate"), rules)
    assert {d.path for d in outcome.differences} == {"headers.x-api-key", "headers.location"}
    assert "hunter" not in repr(outcome)


@pytest.mark.parametrize(
    "hostile", ["token", "eyJ-", "password ", "-----BEGIN PRIVATE KEY-----", "://a:", "bearer ", "<token "]
)
def test_no_body_makes_redaction_slow(hostile: str) -> None:
    started = time.process_time()
    RULES.redaction.in_text(hostile * (60_000 // len(hostile)))
    assert time.process_time() - started < 1
