"""What helps whoever referred to something that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from turnout.resources.spelling import closest

MOST_LISTED = 10
MOST_COMPARED = 100
"""Names that a misspelt one is compared with letter by letter: some 10 us each, and faults come in thousands."""


def hint_for(wanted: str, known: Sequence[str], what: str) -> str:
    """`known`: what could have been meant. `what`: what these are, such as `Services`."""
    near = closest(wanted, known, cutoff=0.6) if len(known) <= MOST_COMPARED else _one_slip_away(wanted, tuple(known))
    if near:
        return f"did you mean {near}?"
    listed = ", ".join(known[:MOST_LISTED]) + (", …" if len(known) > MOST_LISTED else "")
    return f"known {what}: {listed}" if known else f"there are no {what} yet"


def until_then(hint: str) -> str:
    """With what happens to requests in the meantime."""
    return f"{hint} (until then such requests get 503, flag NC)"


def _one_slip_away(wanted: str, known: tuple[str, ...]) -> str | None:
    """A name that is the same once each of the two lacks a letter at most: one is missing, or another, or swapped."""
    by_spelling = _by_spelling(known)
    return next((by_spelling[text] for text in _spellings(wanted) if text in by_spelling), None)


@lru_cache(maxsize=16)
def _by_spelling(known: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name in known:
        for text in _spellings(name):
            found.setdefault(text, name)
    return found


def _spellings(name: str) -> Iterator[str]:
    """The name, and the name without one of its letters."""
    lower = name.lower()
    yield lower
    yield from (lower[:at] + lower[at + 1 :] for at in range(len(lower)))
