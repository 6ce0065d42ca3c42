"""Whether a regular expression matches a text, in time that grows with the text and not faster, as RE2's does.

Python's `re` goes back and tries again: `(a+)+b` would hold up whoever asks. This is Thompson's simulation, in which
all ways to match go forward together. Source: Russ Cox, Regular Expression Matching Can Be Simple And Fast.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from turnout.resources.re2 import compiled, translated

MOST_STEPS = 32_768
"""Envoy takes no larger programs, so whatever is larger is not worth a bound."""

_ATOM = re.compile(r"\\.|\[\^?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_GROUP = re.compile(r"\((?:\?(?P<on>[ims]*)(?:-(?P<off>[ims]+))?:)?")
_REPEAT = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<low>\d+)(?P<range>,(?P<high>\d*))?\})\??")
_SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_LOOKS = frozenset((r"\A", r"\Z", r"\b", r"\B", "^", "$"))
_WORD = re.compile(r"\w", re.ASCII)

Emit = Callable[[], object]


class _TooLarge(Exception):
    """The program has more than MOST_STEPS: the way out of the compilation, never seen outside."""


@dataclass(frozen=True, slots=True)
class Step:
    """Takes one character (`one`), goes on where a place looks like this (`look`), or goes on at all of `targets`."""

    one: re.Pattern[str] | None = None
    look: str = ""
    targets: tuple[int, ...] = ()


@dataclass(slots=True)
class _Program:
    """From the translated expression, read from left to right."""

    text: str
    at: int = 0
    steps: list[Step] = field(default_factory=list)

    def alternatives(self, flags: str) -> Emit:
        found = [self._sequence(flags)]
        while self.text[self.at : self.at + 1] == "|":
            self.at += 1
            found.append(self._sequence(flags))
        return found[0] if len(found) == 1 else lambda: self._either(found)

    def _sequence(self, flags: str) -> Emit:
        parts: list[Emit] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            part = self._group(flags) if self.text[self.at] == "(" else self._atom(flags)
            repeat = _REPEAT.match(self.text, self.at)
            parts.append(self._repeated(part, repeat) if repeat else part)
        return lambda: _all(parts)

    def _group(self, flags: str) -> Emit:
        opening = _GROUP.match(self.text, self.at)
        assert opening is not None
        self.at = opening.end()
        inside = self.alternatives("".join((set(flags) | set(opening["on"] or "")) - set(opening["off"] or "")))
        self.at += 1
        return inside

    def _atom(self, flags: str) -> Emit:
        found = _ATOM.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        if found[0] in _LOOKS:
            look = found[0] + ("m" if "m" in flags and found[0] in "^$" else "")
            return lambda: self._add(Step(look=look))
        one = _one(found[0], "".join(sorted(flags)))
        return lambda: self._add(Step(one=one))

    def _repeated(self, part: Emit, repeat: re.Match[str]) -> Emit:
        self.at = repeat.end()
        low, high = _SIGNS[repeat["sign"]] if repeat["sign"] else _bounds(repeat)
        return lambda: self._again(part, low, high)

    def _add(self, step: Step) -> int:
        if len(self.steps) >= MOST_STEPS:
            raise _TooLarge
        self.steps.append(step)
        return len(self.steps) - 1

    def _either(self, found: list[Emit]) -> None:
        split = self._add(Step())
        starts, ends = [], []
        for each in found:
            starts.append(len(self.steps))
            each()
            ends.append(self._add(Step()))
        self.steps[split] = Step(targets=tuple(starts))
        for end in ends:
            self.steps[end] = Step(targets=(len(self.steps),))

    def _again(self, part: Emit, low: int, high: int | None) -> None:
        for _ in range(low):
            part()
        if high is None:
            start = self._add(Step())
            part()
            self._add(Step(targets=(start,)))
            self.steps[start] = Step(targets=(start + 1, len(self.steps)))
            return
        ways_out = []
        for _ in range(high - low):
            ways_out.append(self._add(Step()))
            part()
        for way_out in ways_out:
            self.steps[way_out] = Step(targets=(way_out + 1, len(self.steps)))


def _all(parts: Iterable[Emit]) -> None:
    for part in parts:
        part()


def _bounds(repeat: re.Match[str]) -> tuple[int, int | None]:
    low = int(repeat["low"])
    if repeat["range"] is None:
        return low, low
    return low, int(repeat["high"]) if repeat["high"] else None


@lru_cache(maxsize=4096)
def _one(atom: str, flags: str) -> re.Pattern[str]:
    """What takes a single character."""
    return re.compile(f"(?{flags}:{atom})" if flags else atom, re.ASCII)


@lru_cache(maxsize=1024)
def _program(pattern: str) -> tuple[Step, ...] | None:
    program = _Program(translated(pattern))
    try:
        program.alternatives("")()
    except _TooLarge:
        return None
    return tuple(program.steps)


def matches(pattern: str, text: str) -> bool:
    """Whether a valid regular expression matches the whole text."""
    steps = _program(pattern)
    if steps is None:
        return compiled(pattern).fullmatch(text) is not None
    current = _reached(steps, [0], text, 0)
    for at, character in enumerate(text, start=1):
        taken = [step + 1 for step in current if step < len(steps) and _takes(steps[step], character)]
        current = _reached(steps, taken, text, at)
        if not current:
            return False
    return len(steps) in current


def _takes(step: Step, character: str) -> bool:
    return step.one is not None and step.one.match(character) is not None


def _reached(steps: tuple[Step, ...], start: Iterable[int], text: str, at: int) -> set[int]:
    """All steps that wait for a character, or that are the end, from these on."""
    waiting, seen, found = list(start), set[int](), set[int]()
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        if number == len(steps) or steps[number].one is not None:
            found.add(number)
        elif steps[number].look:
            waiting += [number + 1] if _looks(steps[number].look, text, at) else []
        else:
            waiting += steps[number].targets
    return found


def _looks(look: str, text: str, at: int) -> bool:
    """Whether the place before the character at `at` is what an assertion asks for."""
    begins, ends = at == 0, at == len(text)
    match look:
        case r"\A" | "^":
            return begins
        case r"\Z" | "$":
            return ends
        case "^m":
            return begins or text[at - 1] == "\n"
        case "$m":
            return ends or text[at] == "\n"
    borders = [bool(_WORD.match(char)) for char in (text[at - 1 : at] if at else "", text[at : at + 1])]
    return (borders[0] != borders[1]) is (look == r"\b")
