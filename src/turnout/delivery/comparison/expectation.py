"""What may differ: a reviewable list, kept beside the code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from turnout.delivery.comparison import json_path
from turnout.delivery.comparison.kind import Kind
from turnout.resources.decode import Dialect, decode
from turnout.resources.finding import Findings

FILE_NAME = "expectations.yaml"
"""In the project's folder, beside `.turnout`, unless another is named."""

KindName = Literal[
    "missing",
    "extra",
    "type",
    "value",
    "order",
    "length",
    "distribution",
    "failed",
    "malformed",
    "unanswered",
    "cut",
    "truncated",
    "slower",
    "faster",
]
_HEADER = """\
# Differences between versions that are meant to be. `turnout compare` reports all others.
# path:  status, headers.NAME, body, response, latency, or JSONPath such as $.items[*].price;
#        `*` is any one step, `..` any number of steps.
# kinds: {kinds}. None named: all of them.
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One line of the list. In `route`, `*` stands for anything. No kinds: every kind."""

    path: str
    kinds: tuple[KindName, ...] = ()
    route: str = "*"
    why: str = ""

    def covers(self, route: str, path: str, kind: Kind) -> bool:
        """Whether it speaks of this difference. Whoever accepts other values accepts their distribution."""
        names = {kind.value, "value", "length"} if kind is Kind.DISTRIBUTION else {kind.value}
        of_kind = not self.kinds or not names.isdisjoint(self.kinds)
        of_route = fnmatchcase(route, self.route.replace("[", "[[]"))  # a route may be called http[0]
        return of_kind and of_route and json_path.matches(self.path, path)


@dataclass(frozen=True, slots=True)
class Expectations:
    """The whole file, `accept:` and its items."""

    accept: tuple[Accepted, ...] = ()

    def covering(self, route: str, path: str, kind: Kind) -> Accepted | None:
        """The first that accepts this difference."""
        return next((each for each in self.accept if each.covers(route, path, kind)), None)

    def accepting(self, more: Accepted) -> Expectations:
        """With one more, in its place in the order of paths; kinds of the same path and route come together."""
        same = [each for each in self.accept if (each.path, each.route) == (more.path, more.route)]
        rest = [each for each in self.accept if each not in same]
        together = [*same, more]
        kinds = () if any(not each.kinds for each in together) else _all_kinds(together)
        why = more.why or next((each.why for each in same if each.why), "")
        listed = [*rest, replace(more, kinds=kinds, why=why)]
        return Expectations(tuple(sorted(listed, key=lambda each: (each.path, each.route))))


def _all_kinds(several: Iterable[Accepted]) -> tuple[KindName, ...]:
    return tuple(sorted({kind for each in several for kind in each.kinds}))


def interpret(data: object, findings: Findings) -> Expectations:
    """From plain data, as YAML holds it; None is an empty file. What is wrong goes to `findings`, and is left out."""
    read = decode(Expectations, {} if data is None else data, Dialect.ISTIO, findings) or Expectations()
    right = []
    for number, each in enumerate(read.accept):
        try:
            json_path.steps(each.path)
        except ValueError as fault:
            hint = "paths look like status, headers.location or $.items[*].price"
            findings.add("TNO015", ("accept", number, "path"), str(fault), hint)
        else:
            right.append(each)
    return Expectations(tuple(right))


def plain(expectations: Expectations) -> dict[str, Any]:
    """As data that `interpret` reads; what says nothing is left out."""
    return {"accept": [_plain(each) for each in expectations.accept]}


def _plain(each: Accepted) -> dict[str, Any]:
    fields: Mapping[str, Any] = {
        "path": each.path,
        "kinds": list(each.kinds),
        "route": "" if each.route == "*" else each.route,
        "why": each.why,
    }
    return {name: value for name, value in fields.items() if value}


def text(expectations: Expectations) -> str:
    """The file: YAML, one item after the other, so that a change of one shows as a change of its lines."""
    kinds: Sequence[str] = [kind.value for kind in Kind]
    items = "".join(_item(_plain(each)) for each in expectations.accept)
    return _HEADER.format(kinds=", ".join(kinds)) + ("accept:\n" + items if items else "accept: []\n")


def _item(fields: Mapping[str, Any]) -> str:
    """Quoted as JSON, which YAML reads: a path may hold anything."""
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields.items()]
    return "  - " + "    ".join(lines)
