"""The small languages inside fields: durations, regular expressions, host names."""

from __future__ import annotations

from datetime import timedelta

import pytest

from turnout.resources.duration import parse, written
from turnout.resources.host import covers, fqdn_fault, host_fault, is_ip, is_subnet, sni_fault
from turnout.resources.re2 import regex_fault
from turnout.resources.spelling import closest, shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("1h30m", 5400),
        ("-2m", -120),
        ("0", 0),
        ("+1s", 1),
        (".5s", 0.5),
        ("3us", 3e-6),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "1", "s", "1 s", "1S", "1d", "--1s", "1s ", "9" * 30 + "s", "300000000h", "1.2.3s", "1s" * 200]
)
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse(text) is None


def test_less_than_a_microsecond_is_not_lost() -> None:
    """So that `2.000000005s` is seen to be no whole number of milliseconds."""
    assert parse("2.000000005s") == timedelta(seconds=2, microseconds=1)


@pytest.mark.parametrize(("duration", "text"), [(timedelta(seconds=90), "90s"), (timedelta(milliseconds=1.5), "1.5ms")])
def test_a_duration_is_written_short(duration: timedelta, text: str) -> None:
    assert written(duration) == text


@pytest.mark.parametrize(
    "pattern",
    [
        "a", "^/api/v[0-9]+(/.*)?$", "(?i)abc", "(?i:abc)d", "(?P<name>a)", "(?<name>a)", "a{2,3}", "a*?", r"\d+\.\w",
        "[[:alpha:]_]", r"\pL", r"\p{Greek}+", r"\x41\x{10FFFF}", r"\Qa(b\E", r"a\z", "[a&&b]", "[]a]", "[^]a]", "a|",
        r"\012", "[&&~~||[[]", r"[\x20-Z\0-\x{7f}]", "a{,2}", "[--a]", r"[\d-z]", "[[:digit:]-z]", "(?U)a+", "x{1000}",
    ],
)  # fmt: skip
def test_what_re2_takes_is_taken(pattern: str) -> None:
    assert regex_fault(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "empty"), ("a" * 1025, "1024"), ("*", "repeat"), ("(a", "missing )"), ("a)", "parenthesis"),
        ("[a", "unterminated"), (r"[a-\d]", "range"),
        ("a(?=b)", "lookaround"), ("a(?!b)", "lookaround"), ("(?<=a)b", "lookaround"), ("(?<!a)b", "lookaround"),
        (r"(a)\1", "backreferences"), ("(?P<a>b)(?P=a)", "backreferences"), ("a++", "repetition"),
        ("a**", "repetition"), ("(?>a)", "atomic"), ("[0--]", "range"), (r"\x{110000}", "0x110000"),
        ("(a)?(?(1)b)", "conditionals"), (r"\Z", "Z"), (r"\u0041", "u"), ("a{1001}", "1000"),
        ("[z-a]", "range"), ("\\", "RE2"),
    ],
)  # fmt: skip
def test_what_re2_refuses_is_refused_with_a_reason(pattern: str, says: str) -> None:
    assert says in (regex_fault(pattern) or "nothing")


def test_a_deeply_nested_pattern_is_judged() -> None:
    regex_fault("(" * 512 + ")" * 512)
    assert regex_fault("(" * 1024)


@pytest.mark.parametrize("host", ["a", "a.b", "*", "*.a.com", "*-a.com", "A.com", "a.com.", "1a.b"])
def test_a_host_may_start_with_a_wildcard(host: str) -> None:
    assert host_fault(host) is None


@pytest.mark.parametrize(
    "host", ["", "a..b", "a_b", "-a", "a.*", "a.1", "a/b", "a." * 200, "a" * 64, "**.a", "a b", "ä.com"]
)
def test_a_bad_host_is_named(host: str) -> None:
    assert host_fault(host)
    assert fqdn_fault(host)


def test_names_of_generated_sni_are_hosts_of_their_own() -> None:
    assert sni_fault("outbound_.80_._.a.b.c") is None
    assert sni_fault("outbound_.http_._.a.b.c")
    assert host_fault("outbound_.80_._.a.b.c")


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("*", "a.b", True), ("*.b", "a.b", True), ("*.b", "*.a.b", True), ("*.a.b", "*.b", False), ("a.b", "a.b", True),
        ("a.b", "*.b", False), ("*.b", "b", False),
    ],
)  # fmt: skip
def test_one_host_covers_another(wide: str, narrow: str, expected: bool) -> None:
    assert covers(wide, narrow) is expected


def test_addresses_and_blocks_of_them() -> None:
    assert is_ip("10.0.0.1")
    assert is_ip("::1")
    assert not is_ip("10.0.0")
    assert is_subnet("10.0.0.0/8")
    assert is_subnet("fd00::/128")
    assert not is_subnet("10.0.0.0/33")
    assert not is_subnet("10.0.0.0/")


def test_the_word_that_was_meant() -> None:
    assert closest("virtualservice", ["VirtualService", "Service"]) == "VirtualService"
    assert closest("max_connection", ["maxConnections"]) == "maxConnections"
    assert closest("zzz", ["a"]) is None
    assert closest("a" * 1000, ["a" * 999]) is None


def test_values_are_shown_short_and_on_one_line() -> None:
    assert shown('a\n"b') == '"a\\n\\"b"'
    assert len(shown("x" * 1000)) < 50
    assert shown({"a": 1}) == "a mapping"
    assert shown(10**30).startswith("1000")
    assert shown(10**5000) == "a number of 16610 bits"
