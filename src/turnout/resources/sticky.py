"""The annotation `turnout.dev/sticky` of a VirtualService: what of a request decides in a split where it goes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

ANNOTATION = "turnout.dev/sticky"
HINT = "`header:NAME`, `cookie:NAME`, or `request`"

_FORM = re.compile(r"(header|cookie):([-_A-Za-z0-9]{1,100})")


@dataclass(frozen=True, slots=True)
class Sticky:
    """`request`: all calls that are made for one user request go the same way; it has no name."""

    by: Literal["header", "cookie", "request"]
    name: str = ""

    @property
    def words(self) -> str:
        return f"by {self.by} {self.name}" if self.name else "by user request"


def parsed(text: str) -> Sticky | None:
    """None: nothing to split by."""
    if text == "request":
        return Sticky("request")
    found = _FORM.fullmatch(text)
    return Sticky("header" if found[1] == "header" else "cookie", found[2]) if found else None
