"""Figures as people read them: three digits that matter, and a unit."""

from __future__ import annotations

UNKNOWN = "-"


def per_second(rate: float) -> str:
    return f"{_three(rate)}/s"


def share(part: float) -> str:
    """0.0123 → `1.2 %`; what is little but not nothing is never shown as 0."""
    percent = part * 100
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f}".removesuffix(".0") + " %"


def milliseconds(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{_three(value)} ms" if value < 1000 else f"{_three(value / 1000)} s"


def size(count: float) -> str:
    """Bytes."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{_three(count)} {unit}"
        count /= 1000
    return f"{_three(count)} GB"


def _three(value: float) -> str:
    if value >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def count(number: int) -> str:
    """`12 345`: groups of three."""
    return f"{number:,}".replace(",", " ")


def duration(seconds: float) -> str:
    """`12 s`, `3 min 5 s`, `2 h 4 min`."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    whole = round(seconds) if seconds < 3600 else round(seconds / 60)
    large, small = ("min", "s") if seconds < 3600 else ("h", "min")
    many, few = divmod(whole, 60)
    return f"{many} {large} {few} {small}" if few else f"{many} {large}"


def points(difference: float) -> str:
    """Of shares, in percentage points: `+0.23`, `-1.5`, `0`; two digits that matter."""
    percent = difference * 100
    if abs(percent) < 0.005:
        return "0"
    text = f"{abs(percent):.2f}" if abs(percent) < 10 else f"{abs(percent):.0f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{'+' if percent > 0 else '-'}{text}"
