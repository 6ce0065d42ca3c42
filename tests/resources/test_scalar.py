"""Scalars mean what they mean to Kubernetes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from turnout.resources.reader import read
from turnout.resources.scalar import as_key, plain, tagged


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("On", True), ("y", True), ("n", False), ("OFF", False), ("False", False),
        ("", None), ("~", None), ("null", None), ("Null", None), ("nULL", "nULL"), ("yEs", "yEs"),
        ("80", 80), ("-7", -7), ("+7", 7), ("1_000", 1000), ("0x1F", 31), ("-0x1f", -31), ("0b101", 5), ("0o17", 15),
        ("017", 15), ("08", 8.0), ("1.5", 1.5), (".5", 0.5), ("-.5e3", -500.0), ("1e3", 1000.0), ("1.", 1.0),
        ("18446744073709551615", 2**64 - 1), ("18446744073709551616", 1.8446744073709552e19),
        ("2001-12-14", "2001-12-14"), ("2001-12-14T21:59:43Z", "2001-12-14T21:59:43Z"), ("190:20:30", "190:20:30"),
        ("1.2.3.4", "1.2.3.4"), ("v1", "v1"), ("-", "-"), ("+", "+"), (".", "."), ("1e", "1e"), ("0x", "0x"),
    ],
)  # fmt: skip
def test_an_unquoted_scalar_is_read_as_kubernetes_reads_it(text: str, value: Any) -> None:
    assert (type(plain(text)), plain(text)) == (type(value), value)


def test_infinity_is_known_by_its_names() -> None:
    assert plain("-.inf") == -math.inf
    assert plain("inf") == "inf"


def test_a_quoted_scalar_is_text() -> None:
    documents, _ = read("a: '80'\nb: \"yes\"\nc: |\n  1\nd: >-\n  no\n", "f")
    assert documents[0].data == {"a": "80", "b": "yes", "c": "1\n", "d": "no"}


def test_a_tag_wins_over_the_form() -> None:
    documents, _ = read("a: !!str 80\nb: !!int '80'\nc: !!binary aGk=\nd: !local x\n", "f")
    assert documents[0].data == {"a": "80", "b": 80, "c": "hi", "d": "x"}


@pytest.mark.parametrize(
    ("text", "tag"), [("x", "int"), ("true", "int"), ("x", "bool"), ("a", "binary"), ("1", "null")]
)
def test_a_tag_that_lies_is_an_error(text: str, tag: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        tagged(text, f"tag:yaml.org,2002:{tag}")


@pytest.mark.parametrize(("value", "key"), [(80, "80"), (True, "true"), (1.5, "1.5"), ("a", "a"), (None, None)])
def test_keys_become_text_as_in_json(value: Any, key: str | None) -> None:
    assert as_key(value) == key
