"""`/problems`: everything that is wrong now, where it stands, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from turnout.web.markup import Tag, tag
from turnout.web.page import Page
from turnout.web.prose import prose
from turnout.web.visit import Visit

SEVERITIES = {"error": "bad", "warning": "warn", "info": ""}
"""The gravest first, each with the CSS class that says so."""


def build(visit: Visit) -> None:
    """One entry per problem; what stays wrong stays where it is."""
    with tag("div", classes="toolbar"):
        tag("h1", "Problems")
        summary = tag("span", classes="muted", role="status")
    with tag("section", classes="card well", hidden=True) as well:
        tag("h2", "All is well")
        tag("p", "Every file was read, and Envoy serves what they say.", classes="muted")
    problems = _List()

    def show(status: Mapping[str, Any]) -> None:
        found = ordered(status["problems"])
        summary.say(counted(found))
        well.set(hidden=bool(found))
        problems.show(found)

    visit.watch("status", show, every_seconds=2.0)


class _List:
    def __init__(self) -> None:
        self._list = tag("ul", classes="problems")
        self._shown: dict[tuple[str, ...], Tag] = {}

    def show(self, problems: Sequence[Mapping[str, Any]]) -> None:
        wanted = {_key(problem): problem for problem in problems}
        if list(wanted) == list(self._shown):
            return
        for gone in self._shown.keys() - wanted.keys():
            self._shown.pop(gone).delete()
        with self._list:
            shown = {key: self._shown.get(key) or _entry(problem) for key, problem in wanted.items()}
        for at, entry in enumerate(shown.values()):
            entry.move(target_index=at)
        self._shown = shown


def _key(problem: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(problem[name]) for name in ("severity", "where", "code", "message", "hint"))


def _entry(problem: Mapping[str, Any]) -> Tag:
    severity = problem["severity"]
    with tag("li", classes="card problem") as entry:
        with tag("div", classes="problem-head"):
            tag("span", severity, classes=f"pill {SEVERITIES.get(severity, '')}")
            tag("code", problem["where"] or "everywhere", classes="where")
            tag(
                "code", problem["code"], classes="muted code", title=f"explained in docs/problems.md: {problem['code']}"
            )
        prose("p", problem["message"], classes="problem-message")
        if problem["hint"]:
            with tag("p", classes="hint"):
                tag("span", "hint: ", classes="muted")
                prose("span", problem["hint"])
    return entry


def ordered(problems: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The gravest first; else as they come."""
    ranks = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    return sorted(problems, key=lambda problem: ranks.get(problem["severity"], len(ranks)))


def counted(problems: Sequence[Mapping[str, Any]]) -> str:
    """`1 error, 2 warnings`; nothing when there are none."""
    severities = [problem["severity"] for problem in problems]
    numbers = {severity: severities.count(severity) for severity in dict.fromkeys(severities)}
    return ", ".join(f"{number} {severity}{'s' if number > 1 else ''}" for severity, number in numbers.items())


PAGE = Page("/problems", "Problems", build)
