"""Regular expressions as Envoy and Istio take them: RE2's syntax, at most 1,024 characters."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import groupby

LONGEST = 1024
MOST_REPEATS = 1000
LAST_CHARACTER = 0x10FFFF

_ESCAPES = frozenset("aftnrvdDsSwWbBAzC")
_TRANSLATED = {"z": r"\Z", "C": ".", "A": r"\A", "s": r"[\t\n\f\r ]", "S": r"[^\t\n\f\r ]"}
_UNICODE_CLASS = re.compile(r"(?P<kind>[pP])(?:\{(?P<not>\^?)(?P<name>\w+)\}|(?P<letter>[A-Z]))")
_HEXADECIMAL = re.compile(r"x(?:[0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,6}\})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_POSIX_CLASS = re.compile(
    r"\[:(?P<not>\^?)(?P<name>alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]"
)
_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7f", "blank": r"\t ", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\t-\r ",
    "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_CLASS_START = re.compile(r"\[\^?\]?")
_CLASSES = re.compile(r"\\[dDwW]|\[(?P<not>\^?)(?P<members>.*)\]", re.DOTALL)
_RANGE = re.compile(r"-[^\]]")
_GROUP = re.compile(r"\?(?:P?<(?P<name>[A-Za-z_]\w*)>|(?P<on>[imsU]*)(?:-(?P<off>[imsU]+))?(?P<end>[:)]))")
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
        compiled(pattern)
    except _NotRe2 as fault:
        return str(fault)
    except re.error as fault:
        return fault.msg
    except (RecursionError, OverflowError):
        return "it is nested too deeply"
    return None


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """A valid regular expression for Python's `re`, matching what RE2 matches. Its cost is not bounded as RE2's is."""
    return re.compile(translated(pattern), re.ASCII)


def translated(pattern: str) -> str:
    """A valid regular expression as Python's `re` writes it, for text that is read as ASCII.

    Groups have no names, flags hold for a group only, and in brackets everything that could mean more is escaped.
    """
    return _Translation(pattern).run()


class _NotRe2(Exception):
    """The pattern uses what RE2 does not have: the way out of the translation, never seen outside."""


class _Translation:
    """RE2 written for Python's `re`: it finds the same faults, and matches the same."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._out: list[str] = []
        self._flags: list[list[str]] = [[]]
        """Of each group that is open: the flags that were switched on in it, as groups that are open too."""
        self._ungreedy = [False]
        """Of each group that is open: whether `U` is on, which Python does not have."""

    def run(self) -> str:
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            if character == "\\":
                self._out.append(self._escape())
            elif character == "[":
                self._class()
            elif character == "(":
                self._group()
            elif character in "|)":
                self._end(character)
            elif repeat := _REPEAT.match(self._pattern, self._at):
                self._repeat(repeat)
            elif character == "{":  # a repetition for Python in more forms than for RE2
                self._at += 1
                self._out.append(r"\{")
            else:
                self._take(1)
        return "".join(self._out) + ")" * len(self._flags[0])

    def _take(self, count: int) -> None:
        self._out.append(self._pattern[self._at : self._at + count])
        self._at += count

    def _escape(self) -> str:
        start = self._at + 1
        following = self._pattern[start : start + 1]
        if unicode_class := _UNICODE_CLASS.match(self._pattern, start):
            self._at = unicode_class.end()
            inverted = (unicode_class["kind"] == "P") is not bool(unicode_class["not"])
            members = _unicode_class(unicode_class["name"] or unicode_class["letter"])
            return f"[{'^' if inverted else ''}{members}]"
        for pattern, base in ((_HEXADECIMAL, 16), (_OCTAL, 8)):
            if number := pattern.match(self._pattern, start):
                self._at = number.end()
                return _character(int(number[0].strip("x{}"), base))
        if following == "Q":
            end = self._pattern.find(r"\E", start)
            literal = self._pattern[start + 1 : end if end >= 0 else None]
            self._at = len(self._pattern) if end < 0 else end + 2
            return re.escape(literal)
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
                members = _POSIX[posix["name"]]
                self._out.append(_complement(members) if posix["not"] else members)
                continue
            low = self._member()
            classes = _CLASSES.fullmatch(low)
            if classes and classes["members"] is not None:
                low = _complement(classes["members"]) if classes["not"] else classes["members"]
            self._out.append(low)
            if not classes and _RANGE.match(self._pattern, self._at):
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
            self._flags.append([])
            self._ungreedy.append(self._ungreedy[-1])
            return
        self._at = group.end()
        ungreedy = ("U" in (group["on"] or "") or self._ungreedy[-1]) and "U" not in (group["off"] or "")
        if group["end"] == ")":
            self._ungreedy[-1] = ungreedy
            self._flags[-1].append(_flags(group))
            self._out.append(self._flags[-1][-1])
            return
        self._flags.append([])
        self._ungreedy.append(ungreedy)
        self._out.append("(" if group["end"] is None else _flags(group))

    def _end(self, character: str) -> None:
        """Of an alternative, or of a group: flags hold up to the group's end, across alternatives."""
        open_flags = self._flags[-1]
        self._out.append(")" * len(open_flags) + character)
        self._at += 1
        if character == "|":
            self._out += open_flags
        elif len(self._flags) > 1:
            self._flags.pop()
            self._ungreedy.pop()

    def _repeat(self, repeat: re.Match[str]) -> None:
        if any(count and int(count) > MOST_REPEATS for count in (repeat[1], repeat[3])):
            raise _NotRe2(f"RE2 repeats at most {MOST_REPEATS} times")
        self._at = repeat.end()
        lazy = self._pattern[self._at : self._at + 1] == "?"
        self._at += lazy
        self._out.append(repeat[0] + "?" * (lazy is not self._ungreedy[-1]))
        if _REPEAT.match(self._pattern, self._at):
            raise _NotRe2(f"RE2 has no repetition of a repetition (`{self._pattern[repeat.start() : self._at + 1]}`)")


def _character(code: int) -> str:
    if code > LAST_CHARACTER:
        raise _NotRe2(f"there is no character {code:#x}")
    return re.escape(chr(code))


def _flags(group: re.Match[str]) -> str:
    """The opening of a group with these flags. Python has no `U`: repetitions are written the other way."""
    on, off = ((group[which] or "").replace("U", "") for which in ("on", "off"))
    on = "".join(sorted(set(on) - set(off)))
    return f"(?{on}{f'-{off}' if (off := ''.join(sorted(set(off)))) else ''}:"


@cache
def _unicode_class(name: str) -> str:
    """A category's or a script's members, as ranges. Scripts are told by the names of characters."""
    if name == "Any":
        return f"\\x00-{chr(sys.maxunicode)}"
    prefix = f"{name.upper().replace('_', ' ')} "

    def fits(code: int) -> bool:
        if len(name) < 3:
            return unicodedata.category(chr(code)).startswith(name)
        return unicodedata.name(chr(code), "").startswith(prefix)

    return _ranges(code for code in range(sys.maxunicode + 1) if fits(code))


@cache
def _complement(members: str) -> str:
    """All characters but these."""
    own = re.compile(f"[{members}]", re.ASCII)
    return _ranges(code for code in range(sys.maxunicode + 1) if not own.match(chr(code)))


def _ranges(codes: Iterable[int]) -> str:
    """Members of a bracket expression, from codes in order. None: a character that no request has."""
    runs = ([code for _, code in run] for _, run in groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0]))
    return "".join(f"{re.escape(chr(run[0]))}-{re.escape(chr(run[-1]))}" for run in runs) or r"\x00"
