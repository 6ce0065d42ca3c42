"""Which requests are compared: a share of them, told by the key that each one carries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

from turnout.delivery.edit import Refusal

KEY = "x-turnout-id"
"""The header with a request's own key, which its copy carries too: a random UUID in lower case. Two digits choose."""

PARTS = 256
_HEX = "0123456789abcdef"
_FRACTION = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s*%?")


@dataclass(frozen=True, slots=True)
class Sample:
    """`parts` of 256: those whose key begins with 00, 01 and so on. A smaller sample is a part of a larger one."""

    parts: int

    def __post_init__(self) -> None:
        assert 0 < self.parts <= PARTS, self.parts

    @property
    def percent(self) -> Decimal:
        """Exactly: 1/256 is 0.390625."""
        return Decimal(100 * self.parts) / PARTS

    @property
    def regex(self) -> str:
        """What the key must match wholly, in RE2's syntax."""
        rows, rest = divmod(self.parts, 16)
        whole = [_digits(rows) + _digits(16)] if rows else []
        return f"(?:{'|'.join([*whole, *([_HEX[rows] + _digits(rest)] if rest else [])])}).*"

    @property
    def words(self) -> str:
        """`1/16`; `all`."""
        share = Fraction(self.parts, PARTS)
        return "all" if share == 1 else f"{share.numerator}/{share.denominator}"


def _digits(first: int) -> str:
    """The first so many hex digits, as a class."""
    return _HEX[0] if first == 1 else f"[{_HEX[0]}-{_HEX[first - 1]}]" if first <= 10 else _beyond_nine(first)


def _beyond_nine(first: int) -> str:
    return "[0-9a]" if first == 11 else f"[0-9a-{_HEX[first - 1]}]"


ALL = Sample(PARTS)


def parsed(text: str) -> Sample | Refusal:
    """`1/16`, `5%`, `0.5`, `all`; what is no multiple of 1/256 is rounded up."""
    wanted = text.strip()
    if wanted == "all":
        return ALL
    share = _share(wanted)
    if share is None:
        return Refusal(f"{text!r} is not a share of requests", "such as 1/16 or 5%")
    if not 0 < share <= 1:
        return Refusal(f"a sample of {text}", "above 0 and at most all: such as 1/16 or 5%")
    return Sample(_parts(share))


def _share(text: str) -> Fraction | None:
    if (found := _FRACTION.fullmatch(text)) and int(found[2]):
        return Fraction(int(found[1]), int(found[2]))
    percent = _PERCENT.fullmatch(text)
    return Fraction(percent[1]) / 100 if percent else None


def of_percent(percent: Decimal) -> Sample:
    """The smallest sample of so many percent, above 0 and at most 100."""
    assert 0 < percent <= 100, percent
    return Sample(int((percent * PARTS / 100).to_integral_value(ROUND_CEILING)))


def _parts(share: Fraction) -> int:
    return -(-share.numerator * PARTS // share.denominator)


_BY_REGEX = {sample.regex: sample for sample in map(Sample, range(1, PARTS + 1))}


def of_regex(regex: str) -> Sample | None:
    """The sample that has this regex."""
    return _BY_REGEX.get(regex)
