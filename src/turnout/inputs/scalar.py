"""One value, written as YAML."""

from __future__ import annotations

import json
import math
import re
from typing import Final

from turnout.resources.scalar import plain

Scalar = str | int | float | bool | None

PLAIN: Final = re.compile(r"[A-Za-z_][\w./-]*|\d+(\.\d+)?(ms|s|m|h)", re.ASCII)
"""Texts that need no quotes anywhere, in block or flow style: names, hosts, durations."""

UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def written(value: Scalar, quote: str = "") -> str:
    """The value on one line, as any YAML reader gives it back; `quote` is the mark that texts have here so far."""
    if isinstance(value, str):
        return _text(value, quote)
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def _text(value: str, quote: str) -> str:
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if not quote and PLAIN.fullmatch(value) and plain(value) == value:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def _number(value: float) -> str:
    """YAML 1.1 takes `1e-07` for a text: it wants a point."""
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")
