"""Where in an answer: `status`, `headers.location`, `body`, `$.items[*].price` (JSONPath, RFC 9535); and patterns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

ITEM = "[*]"
_SHORTHAND = re.compile(r"[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*", re.ASCII)
_LIKE_AN_ID = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=.*\d)[0-9a-f]{16,}|\d{4}-\d\d-\d\d.*|.{65,}",
    re.IGNORECASE | re.DOTALL,
)
_STEP = re.compile(r"\.\.|\[\*\]|\[\d+\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\.?([^.\[\]]+)")

_ANY, _ANY_DEPTH = "*", "**"


@lru_cache(maxsize=4096)
def member(key: str) -> str:
    """The step to an object's member. Keys that look like ids (numbers, UUIDs, hashes, dates) all go by `.*`."""
    return ".*" if _LIKE_AN_ID.fullmatch(key) else exact_member(key)


def exact_member(key: str) -> str:
    """`.price`, or `['unit price']` where a name cannot stand by itself; what is too long is cut."""
    shown = key if len(key) <= 64 else f"{key[:63]}…"
    if _SHORTHAND.fullmatch(shown) and shown.isprintable():
        return f".{shown}"
    return "['" + "".join(map(_escaped, shown)) + "']"


def _escaped(character: str) -> str:
    """What a terminal might obey is written as a number."""
    if character in "'\\":
        return f"\\{character}"
    return character if character.isprintable() else f"\\u{ord(character):04x}"


@lru_cache(maxsize=4096)
def steps(path: str) -> tuple[str, ...]:
    """`$.items[*].price` → `("$", "items", "*", "price")`. An index counts as `*`, `..` as `**`: any number of steps.

    Raises ValueError for what is no path.
    """
    found, position = [], 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise ValueError(f"{path!r} is no path from {path[position:]!r} on")
        found.append(_meaning(step))
        position = step.end()
    if not found:
        raise ValueError("a path cannot be empty")
    return tuple(found)


def _meaning(step: re.Match[str]) -> str:
    if step[0] == "..":
        return _ANY_DEPTH
    name = next((group for group in step.groups() if group is not None), None)
    return _ANY if name is None else re.sub(r"\\(.)", r"\1", name)


def depth(path: str) -> int:
    """How many steps down; a path that cannot be read is as deep as it is long."""
    try:
        return len(steps(path))
    except ValueError:
        return len(path)


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern names a path: `*` is any one step, `..` or `**` any number, none as well."""
    return _match(steps(pattern), steps(path))


def _match(pattern: Sequence[str], path: Sequence[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == _ANY_DEPTH:
        return any(_match(pattern[1:], path[skipped:]) for skipped in range(len(path) + 1))
    return bool(path) and pattern[0] in (_ANY, path[0]) and _match(pattern[1:], path[1:])
