"""In what way answers differ, how bad that is, and of what it is counted."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The first seven mirror each other or themselves when sides are swapped; the others look from stable to copy."""

    MISSING = "missing"
    EXTRA = "extra"
    TYPE = "type"
    VALUE = "value"
    ORDER = "order"
    LENGTH = "length"
    DISTRIBUTION = "distribution"
    """Differs as often as stable does from itself, but in other values."""
    FAILED = "failed"
    """A worse status: 4xx or 5xx instead of less."""
    MALFORMED = "malformed"
    """A body that claims to be JSON and is none."""
    UNANSWERED = "unanswered"
    """The proxy had to answer instead: a reset, a timeout, no connection."""
    CUT = "cut"
    """The body broke off, or never came."""
    TRUNCATED = "truncated"
    """The body is larger than what is captured of it, and stable's was not."""
    SLOWER = "slower"
    FASTER = "faster"


REGRESSIONS = frozenset(
    {Kind.MISSING, Kind.TYPE, Kind.FAILED, Kind.MALFORMED, Kind.UNANSWERED, Kind.CUT, Kind.SLOWER},
)
"""What takes from clients something they had. The others may well be why there is a new version."""


class Part(StrEnum):
    """What of a pair could be compared. Shares are of the pairs in which it could."""

    RESPONSE = "response"
    """Stable answered."""
    STATUS = "status"
    """Both did."""
    HEADERS = "headers"
    """Both, with statuses of one class: an error page's headers and body are not held against a success's."""
    CONTENT = "content"
    """… and all of stable's body is there."""
    BODY = "body"
    """… and all of the copy's."""


def part(path: str, kind: Kind) -> Part:
    """Of what a difference is counted."""
    if kind in (Kind.CUT, Kind.TRUNCATED):
        return Part.CONTENT
    if path.startswith("headers."):
        return Part.HEADERS
    return {"response": Part.RESPONSE, "status": Part.STATUS, "latency": Part.STATUS}.get(path, Part.BODY)
