"""Which rules and matches can never be used."""

from __future__ import annotations

import pytest
from tests.analysis.samples import routes, stock, told

from turnout.analysis.unreachable_rules import unreachable_rules

TO = "route: [{destination: {host: reviews}}]"


def _found(*rules: str) -> list[str]:
    listed = ", ".join(f"{{{rule + ', ' if rule else ''}{TO}}}" for rule in rules)
    return [line.split(" VirtualService default/reviews ")[0] + " " + line.split(" ")[3] for line in _told(listed)]


def _told(listed: str) -> list[str]:
    return told(list(unreachable_rules(stock(routes(f"[{listed}]")))))


def test_nothing_is_reached_behind_a_rule_without_a_match() -> None:
    assert _found("", "match: [{uri: {prefix: /a}}]", "") == ["IST0130 spec.http[1]:", "IST0130 spec.http[2]:"]


def test_a_match_that_was_there_before_is_told_and_a_rule_that_has_no_other() -> None:
    found = _found("match: [{uri: {prefix: /a}}]", "match: [{name: again, uri: {prefix: /a}}]")
    assert found == ["IST0131 spec.http[1].match[0]:", "IST0130 spec.http[1]:"]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("uri: {prefix: /a}", "uri: {prefix: /ab}"),
        ("uri: {prefix: /a}", "uri: {prefix: /ab}, method: {exact: POST}"),
        (
            "uri: {prefix: /a}, headers: {x: {prefix: v}}",
            "uri: {prefix: /ab}, headers: {x: {exact: v1}, y: {exact: b}}",
        ),
        ("uri: {prefix: /A}, ignoreUriCase: true", "uri: {prefix: /ab}"),
        ("uri: {prefix: /a}", "uri: {prefix: /ab}, port: 80"),
        ("uri: {prefix: /a}, sourceLabels: {app: x}", "uri: {prefix: /ab}, sourceLabels: {app: x, version: y}"),
    ],
)
def test_a_narrower_prefix_behind_a_wider_one_is_never_used(wide: str, narrow: str) -> None:
    assert _found(f"match: [{{{wide}}}, {{{narrow}}}]") == ["IST0131 spec.http[0].match[1]:"]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("uri: {prefix: /ab}", "uri: {prefix: /a}"),
        ("uri: {prefix: /a}, method: {exact: GET}", "uri: {prefix: /ab}"),
        ("uri: {prefix: /a}, headers: {x: {exact: v}}", "uri: {prefix: /ab}, headers: {x: {prefix: v}}"),
        ("uri: {prefix: /a}, port: 80", "uri: {prefix: /ab}, port: 81"),
        ("uri: {prefix: /a}, gateways: [gw]", "uri: {prefix: /ab}"),
        ("uri: {prefix: /a}", "uri: {prefix: /AB}, ignoreUriCase: true"),
        ("uri: {regex: /a.*}", "uri: {prefix: /ab}"),
        ("uri: {prefix: /a}, withoutHeaders: {x: {exact: v}}", "uri: {prefix: /ab}"),
        ("uri: {prefix: /a}, sourceLabels: {app: x}", "uri: {prefix: /ab}, gateways: [gw]"),
    ],
)
def test_a_match_that_leaves_something_over_hides_nothing(wide: str, narrow: str) -> None:
    assert _found(f"match: [{{{wide}}}, {{{narrow}}}]") == []


@pytest.mark.parametrize("everything", ["uri: {prefix: /}", "uri: {regex: .*}", "name: all"])
def test_a_catch_all_hides_what_comes_behind(everything: str) -> None:
    found = _found(f"match: [{{{everything}}}]", "match: [{headers: {x: {exact: v}}}]", "match: [{uri: {exact: /a}}]")
    assert found == ["TNO308 spec.http[1].match[0]:", "TNO308 spec.http[2].match[0]:"]


def test_a_rule_that_delegates_hides_nothing() -> None:
    listed = (
        f"{{match: [{{uri: {{prefix: /}}}}], delegate: {{name: other}}}}, {{match: [{{uri: {{prefix: /a}}}}], {TO}}}"
    )
    assert _told(listed) == []


def test_many_matches_take_no_long_time() -> None:
    many = ", ".join(f"{{uri: {{prefix: /{number}/x}}}}" for number in range(2000))
    assert len(_found(f"match: [{many}]", f"match: [{many}]")) <= 300
