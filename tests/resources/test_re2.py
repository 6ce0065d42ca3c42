"""RE2's expressions, translated: they match what they match in Envoy."""

from __future__ import annotations

import pytest

from turnout.resources.re2 import compiled, regex_fault

EXAMPLES = [
    ("/v[0-9]+", ["/v1", "/v12"], ["/v", "/v1/x", "/v\u0661"]),
    (r"\d+", ["12"], ["\u0661"]),
    (r"[\d.]+", ["1.2"], ["1,2"]),
    (r"\w\s\S", ["a b"], ["a\vb", "ab"]),
    (r"[\s]", [" ", "\t"], ["\v", "x"]),
    (r"[\S]", ["x", "\v"], [" "]),
    (r"[^\S]", [" "], ["x"]),
    (r"[[:alpha:]_]+", ["ab_"], ["a1"]),
    (r"[[:^digit:]]", ["a"], ["1"]),
    (r"[^[:digit:]]", ["a"], ["1"]),
    ("[[a]", ["[", "a"], ["b"]),
    ("[a&&b||~~]+", ["a&", "|~"], ["c"]),
    (r"\Qa.b\E+", ["a.b", "a.bb"], ["axb"]),
    (r"\Qa.b", ["a.b"], ["axb"]),
    ("(?i)abc", ["ABC", "abc"], ["abd"]),
    ("a(?i)b|c", ["ab", "aB", "C"], ["AB"]),
    ("(a(?i)b)c", ["aBc"], ["aBC"]),
    ("(?i:a)b", ["Ab"], ["aB"]),
    ("(?i)a(?-i)b", ["Ab"], ["AB"]),
    ("(?i)a(?-i:b)", ["Ab"], ["AB"]),
    ("(?U)a+", ["aaa"], [""]),
    ("(?s).", ["\n"], [""]),
    (".", ["a"], ["\n"]),
    ("(?P<x>a)|(?<y>b)", ["a", "b"], ["ab"]),
    ("a{,2}", ["a{,2}"], ["aa", "a"]),
    ("a{2}", ["aa"], ["a"]),
    ("a{x}", ["a{x}"], ["a"]),
    (r"\x41\x{1F600}\101\07", ["A\U0001f600A\x07"], ["A"]),
    (r"\pL+", ["aé"], ["1"]),
    (r"\p{Lu}\P{Lu}", ["Aa"], ["aA"]),
    (r"[\p{Lu}1]+", ["A1"], ["a"]),
    (r"[^\P{Lu}]", ["A"], ["a"]),
    (r"\p{Greek}", ["\u03c9"], ["w"]),
    (r"\p{^L}", ["1"], ["a"]),
    (r"\Aa\z", ["a"], ["a\n"]),
    ("^(.*; )?beta.*$", ["beta", "x; beta1"], ["xbeta"]),
    (r"\.|\/", [".", "/"], ["x"]),
]
"""Expressions, what each matches, and what not."""


@pytest.mark.parametrize(("pattern", "fitting", "unfitting"), EXAMPLES)
def test_an_expression_matches_as_re2_does(pattern: str, fitting: list[str], unfitting: list[str]) -> None:
    assert regex_fault(pattern) is None
    assert [text for text in fitting if not compiled(pattern).fullmatch(text)] == []
    assert [text for text in unfitting if compiled(pattern).fullmatch(text)] == []
