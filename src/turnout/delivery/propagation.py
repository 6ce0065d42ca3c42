"""Whether a split by user request can work: only if the application passes on what tells requests apart."""

from __future__ import annotations

from turnout.delivery.edit import Refusal
from turnout.resources.sticky import parsed

HEADERS = ("x-request-id", "traceparent")


def unfit(sticky: str, *, propagates: bool | None) -> Refusal | None:
    """`propagates`: as the view `blast` has it. None, when no trace tells, is no reason to refuse."""
    wanted = parsed(sticky)
    if wanted is None or wanted.by != "request" or propagates is not False:
        return None
    return Refusal(
        f"the application does not pass {' or '.join(HEADERS)} on, so calls for one user request cannot be told",
        f"copy the header {HEADERS[0]} from each request to the calls that are made for it, or split by header:NAME",
    )
