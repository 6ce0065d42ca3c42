"""What is wrong with live objects, alone and together with files: `istioctl analyze`, also before it is too late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from turnout.analysis.inventory import Subject
from turnout.cluster.live import Live
from turnout.inputs.check import ABOUT_PODS, Finding, beside
from turnout.problem import ObjectPath, Place, Problem


def findings(live: Live, namespace: str) -> list[Finding]:
    """About objects of one namespace, or of all if it is empty. They stand in no file: their place is their name."""
    return sorted(dict.fromkeys(_found(live, namespace)), key=lambda each: (each.place, each.problem.code))


def broken_by(live: Live, written: Sequence[Subject], namespace: str) -> list[Finding]:
    """What would be wrong with live objects only once the files are applied: a subset that is gone, and still used."""
    kept = beside(written, [subject for subject, _ in live.subjects])
    names = {subject.where() for subject in written}
    after = Live(tuple(dict(subject.obj) for subject in (*kept, *written)), live.at, live.unread, live.partly)
    before = set(findings(live, namespace))
    return [
        each
        for each in findings(after, namespace)
        if each not in before and isinstance(each.problem.where, ObjectPath) and _owner(each.problem.where) not in names
    ]


def _owner(where: ObjectPath) -> ObjectPath:
    return ObjectPath(where.kind, where.namespace, where.name)


def _found(live: Live, namespace: str) -> Iterator[Finding]:
    hidden = ABOUT_PODS if "Pod" in live.unread else frozenset()
    for problem in live.problems:
        where = problem.where
        if isinstance(where, ObjectPath) and namespace in ("", where.namespace) and _counts(problem, where, hidden):
            owner = str(_owner(where))
            yield Finding(problem, Place(owner, 1, 1), owner)


def _counts(problem: Problem, where: ObjectPath, hidden: frozenset[str]) -> bool:
    """Secrets are not read, so nothing is known of them."""
    return problem.code not in hidden and not where.path.endswith(".credentialName")
