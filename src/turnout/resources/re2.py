"""Regular expressions as Envoy and Istio take them: RE2's syntax, at most 1,024 characters."""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 1024
MOST_REPEATS = 1000
LAST_CHARACTER = 0x10FFFF

_ESCAPES = frozenset("aftnrvdDsSwWbBAzC")
_TRANSLATED = {"z": r"\Z", "C": ".", "A": r"\A"}
_UNICODE_CLASS = re.compile(r"[pP](\{\^?\w+\}|[A-Z])")
_HEXADECIMAL = re.compile(r"x(?:[0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,6}\})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_POSIX_CLASS = re.compile(
    r"\[:\^?(alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]"
)
_CLASS_START = re.compile(r"\[\^?\]?")
_CLASSES = frozenset((r"\d", r"\D", r"\s", r"\S", r"\w", r"\W"))
_RANGE = re.compile(r"-[^\]]")
_GROUP = re.compile(r"\?(P?<[A-Za-z_]\w*>|[imsU]*(-[imsU]+)?:|(?P<flags>[imsU]*(-[imsU]+)?\)))")
_REPEAT = re.compile(r"[*+?]|\{([0-9]{1,6})(,([0-9]{0,6}))?\}")
_NOT_RE2 = (
    (re.compile(r"\?<?[=!]"), "lookaround"),
    (re.compile(r"\?>"), "atomic groups"),
    (re.compile(r"\?P="), "backreferences"),
    (re.compile(r"\?\("), "conditionals"),
    (re.compile(r"\?#"), "comments"),
)


@lru_cache(maxsize=4096)
def regex_fault(pattern: str) -> str | None:
    """What is wrong with a regular expression; None when RE2 takes it."""
    if not pattern:
        return "the regular expression is empty"
    if len(pattern) > LONGEST:
        return f"the regular expression is longer than {LONGEST} characters"
    try:
        re.compile(_Translation(pattern).run())
    except _NotRe2 as fault:
        return str(fault)
    except re.error as fault:
        return fault.msg
    except (RecursionError, OverflowError):
        return "it is nested too deeply"
    return None


class _NotRe2(Exception):
    """The pattern uses what RE2 does not have: the way out of the translation, never seen outside."""


class _Translation:
    """RE2 written so that Python's `re` finds the same faults. What it matches may differ, and does not matter."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._out: list[str] = []

    def run(self) -> str:
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            if character == "\\":
                self._out.append(self._escape())
            elif character == "[":
                self._class()
            elif character == "(":
                self._group()
            elif repeat := _REPEAT.match(self._pattern, self._at):
                self._repeat(repeat)
            else:
                self._take(1)
        return "".join(self._out)

    def _take(self, count: int) -> None:
        self._out.append(self._pattern[self._at : self._at + count])
        self._at += count

    def _escape(self) -> str:
        start = self._at + 1
        following = self._pattern[start : start + 1]
        if unicode_class := _UNICODE_CLASS.match(self._pattern, start):
            self._at = unicode_class.end()
            return r"\w"
        for pattern, base in ((_HEXADECIMAL, 16), (_OCTAL, 8)):
            if number := pattern.match(self._pattern, start):
                self._at = number.end()
                return _character(int(number[0].strip("x{}"), base))
        if following == "Q":
            end = self._pattern.find(r"\E", start)
            self._at = len(self._pattern) if end < 0 else end + 2
            return "x"
        if following in _ESCAPES:
            self._at += 2
            return _TRANSLATED.get(following, "\\" + following)
        if not following or following.isalnum():
            kind = "backreferences" if following.isdecimal() or following == "k" else f"`\\{following}`"
            raise _NotRe2(f"RE2 has no {kind}")
        self._at += 2
        return "\\" + following

    def _class(self) -> None:
        """A bracket expression. Every character is escaped, so that Python sees neither sets nor nested brackets."""
        opening = _CLASS_START.match(self._pattern, self._at)
        assert opening is not None
        self._at = opening.end()
        self._out.append(opening[0].replace("]", r"\]"))
        while self._at < len(self._pattern) and self._pattern[self._at] != "]":
            if posix := _POSIX_CLASS.match(self._pattern, self._at):
                self._at = posix.end()
                self._out.append(r"\w")
                continue
            low = self._member()
            self._out.append(low)
            if low not in _CLASSES and _RANGE.match(self._pattern, self._at):
                self._at += 1
                self._out.append("-" + self._member())
        self._take(1)

    def _member(self) -> str:
        character = self._pattern[self._at]
        if character == "\\":
            escaped = self._escape()
            return "x" if escaped in (r"\b", r"\B", r"\A", r"\Z") else escaped
        self._at += 1
        return re.escape(character)

    def _group(self) -> None:
        for pattern, name in _NOT_RE2:
            if pattern.match(self._pattern, self._at + 1):
                raise _NotRe2(f"RE2 has no {name}")
        group = _GROUP.match(self._pattern, self._at + 1)
        if group is None:
            self._take(1)
            return
        self._at = group.end()
        if group["flags"] is None:
            self._out.append("(?:" if group[0].endswith(":") else "(")

    def _repeat(self, repeat: re.Match[str]) -> None:
        if any(count and int(count) > MOST_REPEATS for count in (repeat[1], repeat[3])):
            raise _NotRe2(f"RE2 repeats at most {MOST_REPEATS} times")
        self._at = repeat.end()
        if self._pattern[self._at : self._at + 1] == "?":
            self._at += 1
        self._out.append(repeat[0])
        if _REPEAT.match(self._pattern, self._at):
            raise _NotRe2(f"RE2 has no repetition of a repetition (`{self._pattern[repeat.start() : self._at + 1]}`)")


def _character(code: int) -> str:
    if code > LAST_CHARACTER:
        raise _NotRe2(f"there is no character {code:#x}")
    return re.escape(chr(code))
