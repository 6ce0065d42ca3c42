"""Times, shares and changes as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def spoken(seconds: float) -> str:
    """`45 s`, `12 min`, `1.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def percent(value: float) -> str:
    """Without needless zeros: `5`, `0.1`, `99.9`."""
    return f"{value:.10g}"


def share(value: float) -> str:
    """Of 1, with two digits that count: `22 %`, `0.83 %`."""
    points = 100 * value
    return f"{points:.3g} %" if abs(points) >= 10 else f"{points:.2g} %"


def points(value: float) -> str:
    """A difference of shares, in percentage points and with its sign: `+0.83`, `-12`."""
    scaled = 100 * value
    if abs(scaled) < 0.001:
        return "0"
    return f"{scaled:+.0f}" if abs(scaled) >= 10 else f"{scaled:+.2g}"


def moved(changed: Mapping[str, Any]) -> str:
    """How long it took until the last change was in force, and when the candidate answered for the last time."""
    text = f"requests moved: in force after {changed['seconds'] * 1000:.0f} ms"
    last = changed.get("lastCandidateAnswerSeconds")
    if under_way := changed.get("underWay"):
        return f"{text}; the candidate still had {under_way} requests to answer"
    return text if last is None else f"{text}; the candidate's last answer came after {last * 1000:.0f} ms"
