"""A value in a line: short, and printable whatever a service has sent."""

from __future__ import annotations

import json
from typing import Any

LONGEST = 120
_BEFORE = 30
_MUCH = 4096


def shown(value: Any) -> str:
    """A JSON value as it would be written, cut at LONGEST characters."""
    return _line(json.dumps(value, ensure_ascii=False, default=str))


def shown_beside(one: str, other: str) -> tuple[str, str]:
    """Two texts from shortly before where they first differ."""
    start = max(0, _first_difference(one, other) - _BEFORE)
    return _from(one, start), _from(other, start)


def _from(text: str, start: int) -> str:
    return ("…" if start else "") + _line(text[start : start + _MUCH], LONGEST - bool(start))


def _first_difference(one: str, other: str) -> int:
    """Halving, for texts of a megabyte: comparing slices is fast, comparing letter by letter is not."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low


def _line(text: str, longest: int = LONGEST) -> str:
    """Control characters as JSON writes them: what a service sends must not move a terminal's cursor."""
    plain = text[: longest + 1]
    if not plain.isprintable():
        plain = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in plain)
        plain = plain.replace("\x7f", "\\u007f")
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"
