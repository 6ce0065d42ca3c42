"""Durations as people type them: `60s`, `5m`, `1.5h`, `1m30s`, `250ms`."""

from __future__ import annotations

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h)")


def parse(text: str) -> float:
    """Seconds. Upper case is fine too, as siege has it (`5M`). Raises ValueError with the reason."""
    lowered = text.strip().lower()
    parts = _PART.findall(lowered)
    if not parts or "".join(number + unit for number, unit in parts) != lowered:
        raise ValueError(f"{text!r} is no duration: write it with a unit, such as 60s, 5m or 1.5h")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
