"""Durations as Go and Istio write them: `500ms`, `1.5s`, `1h30m`."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from decimal import Decimal

_TERM = re.compile(r"([0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_LONGEST_NANOSECONDS = 2**63 - 1  # Go's, about 292 years
_LONGEST_TEXT = 200


def parse(text: str) -> timedelta | None:
    """The duration that Go's time.ParseDuration reads; None when it reads none.

    Rounded away from zero to whole microseconds, so that what is no whole millisecond stays none.
    """
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if digits == "0":
        return timedelta(0)
    nanoseconds, position = Decimal(0), 0
    while position < len(digits) <= _LONGEST_TEXT:
        term = _TERM.match(digits, position)
        if term is None:
            return None
        nanoseconds += Decimal(term[1]) * _NANOSECONDS[term[2]]
        position = term.end()
    if position == 0 or nanoseconds > _LONGEST_NANOSECONDS:
        return None
    return timedelta(microseconds=sign * math.ceil(nanoseconds / 1000))


def written(duration: timedelta) -> str:
    """The shortest way to write a duration: `1.5s`, `200ms`."""
    milliseconds = duration / timedelta(milliseconds=1)
    return f"{milliseconds:g}ms" if abs(milliseconds) < 1000 else f"{duration.total_seconds():g}s"
