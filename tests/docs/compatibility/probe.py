"""What becomes of one field: everything is derived from an object without it, and from the same object with it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.compiler.world import instances, proxies
from tests.docs.compatibility.fields import EACH, KEY, SAMPLE_KEY, Field

from turnout.analysis.analyze import findings
from turnout.compiler.compile import compile
from turnout.mesh import mesh
from turnout.problem import ObjectPath, Problem, errors
from turnout.resources.core import Deployment
from turnout.resources.interpret import interpret

JSON = dict[str, Any]
_ORDER = ("honoured", "warned", "silent", "rejected")
NO_EFFECT = ("TNO149", "TNO150", "TNO159", "TNO161", "TNO169", "TNO173", "TNO302")
"""Warnings that say of a field that it is passed over."""


@dataclass(frozen=True)
class Verdict:
    """`word`: honoured, warned, rejected, or silent. `why`: what the user is told."""

    word: str
    why: str = ""


@dataclass(frozen=True)
class Derived:
    name: str
    version: str
    problems: tuple[Problem, ...]


class Context:
    """Objects that are always there; `derived` adds one."""

    def __init__(self, objects: list[JSON], files: Mapping[str, str]) -> None:
        self._files = files
        keys = [_key(obj) for obj in objects]
        self._resources = dict(zip(keys, map(_resource, objects), strict=True))

    def derived(self, obj: JSON) -> Derived | list[Problem]:
        """The problems, where it is refused."""
        key, found = _key(obj), interpret(obj)
        if found.resource is None:
            return errors(found.problems)
        resources = list({**self._resources, key: found.resource}.values())
        deployments = tuple(each for each in resources if isinstance(each, Deployment))
        built = mesh.build(resources, instances(deployments), self._files)
        config = compile(built, proxies(built, deployments))
        return Derived(obj["metadata"]["name"], config.version, (*found.problems, *findings(resources, built)))


def _key(obj: JSON) -> tuple[str, str, str, str]:
    meta = obj["metadata"]
    meta.setdefault("namespace", "default")
    return obj["apiVersion"], obj["kind"], meta["namespace"], meta["name"]


def _resource(obj: JSON) -> Any:
    found = interpret(obj)
    assert found.resource is not None, found.problems
    return found.resource


def verdict(field: Field, base: JSON, context: Context, samples: list[Any] | None) -> Verdict:
    """The best that any of the values gets."""
    before = context.derived(base)
    if not isinstance(before, Derived):
        return Verdict("rejected", before[0].message)
    best = Verdict("rejected")
    for value in samples or field.candidates:
        found = _judged(field, value, base, context, before)
        if found.word == "honoured":
            return found
        best = min(found, best, key=lambda each: (_ORDER.index(each.word), not each.why))
    return best


def _judged(field: Field, value: Any, base: JSON, context: Context, before: Derived) -> Verdict:
    after = context.derived(_with(base, field, value))
    if not isinstance(after, Derived):
        return Verdict("rejected", after[0].message)
    told = next((each for each in after.problems if _tells(each, field, before)), None)
    if told is not None:
        return Verdict("warned", told.message.removeprefix("no effect here: "))
    return Verdict("honoured" if after.version != before.version else "silent")


def _tells(problem: Problem, field: Field, before: Derived) -> bool:
    """Whether it says that the field, or what it is in, is passed over."""
    if problem.code not in NO_EFFECT or not isinstance(problem.where, ObjectPath):
        return False
    if problem.where.name != before.name:
        return False
    return problem not in before.problems or f"spec.{field.path.replace(EACH, '[0]')}".startswith(problem.where.path)


def _with(base: JSON, field: Field, value: Any) -> JSON:
    """The base with the field set, without what may not stand beside it."""
    changed = copy.deepcopy(base)
    holder: Any = changed["spec"]
    for at, step in enumerate(field.steps[:-1]):
        _make_room(holder, field, at)
        following: Any = [] if field.steps[at + 1] == EACH else {}
        if step == EACH:
            holder.extend([following] if not holder else [])
            holder = holder[0]
        else:
            holder = holder.setdefault(SAMPLE_KEY if step == KEY else step, following)
    _make_room(holder, field, len(field.steps) - 1)
    if field.steps[-1] == EACH:
        holder[:] = [value]
    else:
        holder[SAMPLE_KEY if field.steps[-1] == KEY else field.steps[-1]] = value
    return changed


def _make_room(holder: Any, field: Field, at: int) -> None:
    for rival in field.rivals.get(at, ()):
        holder.pop(rival, None)
