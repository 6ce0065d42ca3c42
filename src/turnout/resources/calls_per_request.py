"""The annotation `turnout.dev/calls-per-request` of a Service: how often one user's request calls it."""

from __future__ import annotations

import re
from typing import Final

ANNOTATION: Final = "turnout.dev/calls-per-request"
HINT: Final = "a number, such as 25 or 2.5: what the service is called on average for one request of a user"

_FORM = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")


def parsed(text: str) -> float | None:
    """None: no number of calls."""
    return float(text) if _FORM.fullmatch(text) else None
