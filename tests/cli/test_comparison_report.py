"""A comparison's report, in the terminal and as a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console
from tests.cli.comparisons import HOSTILE, nothing_yet, regression, view

from turnout.cli.comparison_page import page
from turnout.cli.comparison_report import report
from turnout.cli.comparison_words import progress


def printed(shown: dict[str, Any], width: int = 160) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(report(shown))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_it_begins_with_what_came_out_and_of_what() -> None:
    first, second, *_ = printed(view(regression()))
    assert first == "regression: green breaks something"
    assert second == "comparison 3: reviews, green beside blue; 1/16 of GET, HEAD; 42 s; it was stopped"


def test_the_worst_comes_first_with_rates_intervals_p_and_both_sides() -> None:
    lines = printed(view(regression()))
    labels = [line.split()[0] for line in lines if re.match(r"  \w", line)]
    assert labels == sorted(labels, key=["regression", "difference", "noise", "accepted", "latency", "known"].index)
    at = next(n for n, line in enumerate(lines) if line.startswith("  regression"))
    assert lines[at].split(maxsplit=1)[1] == "$.user is missing"
    assert re.match(
        r" +in 10\.2 % \(7\.65 to 13\.6 %\) of 400, blue itself 0 % \(0 to .* %\) of 200; p = ", lines[at + 1]
    )
    assert lines[at + 2].split() == ["REQUEST", "BLUE", "GREEN"]
    assert lines[at + 3].split(maxsplit=2)[2].split("  ")[0] == '{"name": "x"}'
    assert lines[at + 3].endswith("(nothing)")


def test_examples_that_tell_the_same_are_told_once() -> None:
    lines = printed(view(regression()))
    assert sum("(nothing)" in line for line in lines) == 1


def test_noise_what_was_accepted_and_what_is_known_take_a_line_each() -> None:
    text = "\n".join(printed(view(regression())))
    assert re.search(r"^  noise +\$\.number$", text, re.MULTILINE)
    assert re.search(r"^  accepted +\$\.version$", text, re.MULTILINE)
    assert re.search(r"^  latency +p50 / p90 / p99 in ms: blue to users 10\.\d / ", text, re.MULTILINE)
    assert "of the answers or more would have been found" in text
    assert "accepted, but not seen: $.gone" in text


def test_the_command_that_accepts_differences_is_at_hand_but_none_for_regressions() -> None:
    assert printed(view(regression()))[-1] == "if the differences are meant to be: turnout compare accept '$.note'"


def test_what_was_not_compared_is_said_and_never_taken_for_equal() -> None:
    lines = printed(view(nothing_yet()))
    assert lines[0] == "unsure: no difference found, but not enough compared to be sure"
    text = "\n".join(lines)
    assert "7 of 7 copies for green: copy not seen" in text
    assert "too few pairs to find anything yet" in text


def test_where_nothing_came_it_says_so() -> None:
    text = "\n".join(printed(view(None)))
    assert "warning: nothing was compared: no request came that is copied" in text


def test_a_problem_and_what_was_dropped_are_shown() -> None:
    shown = view(regression())
    shown["report"] |= {"problem": "somebody else taps", "dropped": 1234, "share": 0.125}
    text = "\n".join(printed(shown))
    assert "warning: somebody else taps" in text
    assert "12 % of the sample was copied at the end" in text
    assert "1,234 answers were more than could be taken in" in text


def test_it_fits_a_narrow_terminal() -> None:
    assert max(map(len, printed(view(regression()), width=60))) <= 60


def test_one_that_runs_says_that_it_does() -> None:
    shown = view(regression(), running=True, ended=None, why="")
    assert printed(shown)[1].endswith("it still runs")


def test_progress_is_one_line() -> None:
    shown = view(regression(), running=True, ended=None)
    assert progress(shown, 1012.0) == ("12 s of 5 min 0 s  400 pairs, blue with itself 200  regression: $.user, $.note")
    assert progress(view(None, ends=None), 1001.0) == "1 s  0 pairs, blue with itself 0  unsure"


class Reader(HTMLParser):
    """Which elements, and which attributes that could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.loads += [name for name, _ in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("judgement", [regression, nothing_yet, lambda: None])
def test_the_page_is_whole_and_loads_nothing(judgement: Any) -> None:
    reader = Reader()
    text = page(view(judgement()))
    reader.feed(text)
    assert reader.open == []
    assert reader.loads == []
    assert "script" not in reader.seen
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_shows_what_a_service_answers_as_text() -> None:
    text = page(view(regression(), why="<b>&"))
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in text
    assert "&lt;b&gt;&amp;" in text


def test_the_page_has_all_that_the_terminal_has_and_the_noise_in_detail() -> None:
    text = page(view(regression()))
    assert '<h1 class="regression">regression: green breaks something</h1>' in text
    assert "$.user is missing" in text
    assert "1970-01-01 00:16:40 UTC" in text
    assert "<summary>noise: $.number</summary>" in text
    assert "accepted by $.version: new" in text
