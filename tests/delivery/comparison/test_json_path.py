"""Paths, and patterns that name them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.comparison import json_path


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("$.items[*].price", "$.items[*].price"),
        ("$.items[3].price", "$.items[*].price"),
        ("$.items.*.price", "$.items[*].price"),
        ("$.*", "$.a"),
        ("$..price", "$.items[*].price"),
        ("$..price", "$.price"),
        ("$.**.price", "$.a.b.price"),
        ("$.user..", "$.user.name.first"),
        ("$.user.**", "$.user"),
        ("$['a b']", "$['a b']"),
        ('$["a b"].c', "$['a b'].c"),
        ("status", "status"),
        ("headers.*", "headers.cache-control"),
        ("headers.set-cookie.sid", "headers.set-cookie.sid"),
    ],
)
def test_a_pattern_names_a_path(pattern: str, path: str) -> None:
    assert json_path.matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("$.items", "$.items[*].price"),
        ("$.items[*].price", "$.items"),
        ("$.*", "$.a.b"),
        ("$.*", "$"),
        ("$..price", "$.prices"),
        ("status", "$.status"),
    ],
)
def test_a_pattern_names_no_other_path(pattern: str, path: str) -> None:
    assert not json_path.matches(pattern, path)


@pytest.mark.parametrize("text", ["", "$.a[", "$['a", "$.a]", "[a]"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        json_path.steps(text)


@given(st.lists(st.text(min_size=1, max_size=80), max_size=4))
def test_the_path_of_any_keys_names_itself_and_is_printable(keys: list[str]) -> None:
    path = "$" + "".join(map(json_path.member, keys))
    assert json_path.matches(path, path)
    assert path.isprintable()
    assert json_path.matches("$..", path)


@pytest.mark.parametrize(
    "key",
    ["17", "0b8e3b3e-9d0c-4d5c-8c1e-0d6f7d0b9a11", "deadbeefdeadbeef01", "2024-05-06", "2024-05-06T07:08Z", "x" * 65],
)
def test_keys_that_look_like_ids_share_a_path(key: str) -> None:
    assert json_path.member(key) == ".*"


@pytest.mark.parametrize("key", ["v2", "facade", "name", "x1", "ip4"])
def test_other_keys_do_not(key: str) -> None:
    assert json_path.member(key) == f".{key}"
