"""What helps whoever referred to something that is not there."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.resources.spelling import closest

MOST_LISTED = 10


def hint_for(wanted: str, known: Sequence[str], what: str) -> str:
    """`known`: what could have been meant. `what`: what these are, such as `Services`."""
    near = closest(wanted, known, cutoff=0.6)
    if near:
        return f"did you mean {near}?"
    listed = ", ".join(known[:MOST_LISTED]) + (", …" if len(known) > MOST_LISTED else "")
    return f"known {what}: {listed}" if known else f"there are no {what} yet"


def until_then(hint: str) -> str:
    """With what happens to requests in the meantime."""
    return f"{hint} (until then such requests get 503, flag NC)"
