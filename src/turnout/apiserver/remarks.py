"""What a write means for other objects, told to its writer in `Warning` headers: kubectl prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from turnout.apiserver.status import said
from turnout.apiserver.target import Target
from turnout.problem import ObjectPath, Problem, Severity


class Consequences(Protocol):
    """What does not fit between objects."""

    def now(self) -> Sequence[Problem]:
        """As far as is known."""

    async def after(self) -> Sequence[Problem]:
        """Once all that was written until now has been considered; nothing where that takes too long."""


def remarks(named: Target, before: Iterable[Problem], after: Iterable[Problem]) -> list[str]:
    """What is new since the write, and what is about the object that was written."""
    known = set(before)
    return [
        _remark(named, problem)
        for problem in after
        if problem.severity is not Severity.INFO and (problem not in known or _is_about(named, problem))
    ]


def _is_about(named: Target, problem: Problem) -> bool:
    where = problem.where
    return (
        isinstance(where, ObjectPath)
        and bool(named.name)
        and (where.kind, where.namespace, where.name) == (named.kind.title, named.namespace, named.name)
    )


def _remark(named: Target, problem: Problem) -> str:
    """The place is left out where it is the object that was written."""
    if problem.where is None:
        return said(problem)
    where = problem.where
    place = where.path if isinstance(where, ObjectPath) and _is_about(named, problem) else str(where)
    return f"{place}: {said(problem)}" if place else said(problem)
