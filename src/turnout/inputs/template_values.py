"""Which values a line of a Helm template puts out, as far as its text tells. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from turnout.inputs.template import ACTION

EACH: Final = "*"
"""Stands in a path for every item of a list or mapping that is gone through."""

Reference = tuple[str | int, ...]
"""A path below `.Values`."""

_ROOT: Final = ("Values",)
_REFERENCE: Final = re.compile(
    r"(?P<variable>\$\w*)?(?P<path>(?:\.\w+)+)|(?P<alone>\$\w+)|(?<![\w.)\]])(?P<dot>\.)(?![\w.])"
)
_TEXTS: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])*'")
_CONTROL: Final = re.compile(r"\s*(if|range|with|define|block|else|end)\b(.*)", re.DOTALL)
_NAMES: Final = re.compile(r"\s*(\$\w+)(?:\s*,\s*(\$\w+))?\s*:?=(.*)", re.DOTALL)

Dot = tuple[str, ...] | None
"""What `.` or a variable stands for: a path from the root of what a template is given; None when it cannot be told."""


def references(template: str) -> dict[int, tuple[Reference, ...]]:
    """For each line, from 1, of the template: the values that its actions put out, in their order."""
    found: dict[int, list[Reference]] = {}
    reader = _Reader()
    for action in ACTION.finditer(template):
        line = template.count("\n", 0, action.start()) + 1
        for reference in reader.read(action["body"]):
            found.setdefault(line, []).append(reference)
    return {line: tuple(dict.fromkeys(paths)) for line, paths in found.items()}


class _Reader:
    """Follows what `.` and the variables stand for."""

    def __init__(self) -> None:
        self._dots: list[Dot] = [()]
        self._variables: dict[str, Dot] = {"$": ()}

    def read(self, body: str) -> list[Reference]:
        """The values that an action puts out; none when it only decides."""
        body = _TEXTS.sub('""', body)
        if control := _CONTROL.match(body):
            self._enter(control[1], control[2])
            return []
        if names := _NAMES.match(body):
            self._variables[names[1]] = self._only(names[3])
            return []
        return [path[1:] for path in self._paths(body) if path[:1] == _ROOT and len(path) > 1]

    def _enter(self, word: str, rest: str) -> None:
        if word == "end":
            self._dots[1:] = self._dots[1:-1]
        elif word in ("define", "block"):
            self._dots.append(None)
        elif word == "else" and len(self._dots) > 1:
            self._dots[-1] = None if rest.lstrip().startswith("with") else self._dots[-2]
        elif word != "else":
            self._dots.append(self._inner(word, rest))

    def _inner(self, word: str, rest: str) -> Dot:
        names = _NAMES.match(rest)
        subject = self._only(names[3] if names else rest)
        if word == "range" and subject is not None:
            subject = (*subject, EACH)
        if names:
            self._variables[names[2] or names[1]] = subject
        return self._dots[-1] if word == "if" else subject

    def _only(self, text: str) -> Dot:
        paths = list(self._paths(text))
        return paths[0] if len(paths) == 1 else None

    def _paths(self, text: str) -> Iterator[tuple[str, ...]]:
        for found in _REFERENCE.finditer(text):
            name = found["variable"] or found["alone"]
            start = self._variables.get(name) if name else self._dots[-1]
            if start is not None:
                yield (*start, *(found["path"] or "").split(".")[1:])


def under(values: object, reference: Reference, *, deep: bool = True) -> Iterator[tuple[Reference, object]]:
    """Path and value of each node that a reference names; `deep`: and of all that is in it."""
    yield from _expanded(values, reference, (), deep=deep)


def entries(node: object) -> Iterator[tuple[str | int, object]]:
    """Keys and values in the order of a `range`: mappings are sorted."""
    if isinstance(node, Mapping):
        yield from sorted(node.items())
    elif isinstance(node, list):
        yield from enumerate(node)


def _expanded(node: object, left: Reference, path: Reference, *, deep: bool) -> Iterator[tuple[Reference, object]]:
    if not left:
        yield path, node
    for key, value in entries(node) if left or deep else ():
        if not left or left[0] in (EACH, key):
            yield from _expanded(value, left[1:], (*path, key), deep=deep)
