"""Which objects a list or a watch is about: `labelSelector` and `fieldSelector`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from turnout.apiserver.status import bad_request

Selector = Callable[[Mapping[str, Any]], bool]

REQUIREMENT = re.compile(
    r"""\s*(?:
        (?P<member>[^\s,()=!]+) \s+ (?P<set>in|notin) \s* \((?P<values>[^()]*)\)
      | (?P<compared>[^\s,()=!]+) \s* (?P<operator>==|=|!=) \s* (?P<value>[^\s,()=!]*)
      | (?P<absent>!?) \s* (?P<present>[^\s,()=!]+)
    )\s*(?:,(?=.)|$)""",
    re.VERBOSE,
)
"""One requirement, with the comma after it: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`."""

Requirement = tuple[str, str, frozenset[str]]
"""Key, one of `in`, `notin`, `exists`, `!`, and the values."""


def selector(labels: str, fields: str) -> Selector:
    """What matches both texts; an empty one matches all. Raises StatusError 400 for one that cannot be read."""
    by_label, by_field = requirements(labels), requirements(fields)
    if any(operator in ("exists", "!") for _, operator, _ in by_field):
        raise bad_request(f"unable to parse fieldSelector {fields!r}: only =, == and != compare fields")

    def matches(obj: Mapping[str, Any]) -> bool:
        own = obj["metadata"].get("labels", {})
        return all(_holds(own.get(key), operator, values) for key, operator, values in by_label) and all(
            _holds(field_of(obj, key), operator, values) for key, operator, values in by_field
        )

    return matches


def requirements(text: str) -> list[Requirement]:
    """Raises StatusError 400."""
    found, position = [], 0
    while position < len(text):
        match = REQUIREMENT.match(text, position)
        if match is None:
            raise bad_request(f"unable to parse requirement: {text!r} at {position}")
        found.append(_requirement(match))
        position = match.end()
    return found


def _requirement(match: re.Match[str]) -> Requirement:
    if match["set"]:
        return match["member"], match["set"], frozenset(value.strip() for value in match["values"].split(","))
    if match["operator"]:
        return match["compared"], "notin" if match["operator"] == "!=" else "in", frozenset({match["value"]})
    return match["present"], "!" if match["absent"] else "exists", frozenset()


def _holds(value: str | None, operator: str, values: frozenset[str]) -> bool:
    if operator in ("exists", "!"):
        return (value is None) == (operator == "!")
    # As in Kubernetes, an object without the label is not "in", so it is "notin" and "!=".
    return (value in values) == (operator == "in")


def field_of(obj: Mapping[str, Any], path: str) -> str:
    """`metadata.name`, `status.phase`: the text there, "" where there is none."""
    value: Any = obj
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)
