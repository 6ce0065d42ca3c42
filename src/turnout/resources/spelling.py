"""Did you mean …? The word of a known vocabulary that a misspelt one is closest to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 64  # comparing is quadratic in length, and nobody misspells longer words

_LARGE = 10**40


def closest(word: str, known: Iterable[str], cutoff: float = 0.7) -> str | None:
    """The known word most similar to this one, whatever its case; None when none is close."""
    if len(word) > _LONGEST:
        return None
    by_lower = {name.lower().replace("_", ""): name for name in known}
    found = difflib.get_close_matches(word.lower().replace("_", ""), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def shown(value: object, longest: int = 40) -> str:
    """A value as JSON would show it, cut to one short line."""
    match value:
        case str():
            text = '"' + value.encode("unicode_escape").decode().replace('"', '\\"')[: longest + 1] + '"'
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case int() if abs(value) >= _LARGE:  # Python refuses to write down very long ones
            return f"a number of {value.bit_length()} bits"
        case _:
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= longest + 2 else text[:longest] + "…"
