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
_REPEAT = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<low>\d+)(?P<range>,(?P<high>\d*))?\})(?P<lazy>\??)")
_SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_LOOKS = frozenset((r"\A", r"\Z", r"\b", r"\B", "^", "$"))
_WORD = re.compile(r"\w", re.ASCII)

Emit = Callable[[], object]


class _TooLarge(Exception):
    """The program has more than MOST_STEPS: the way out of the compilation, never seen outside."""


@dataclass(frozen=True, slots=True)
class Step:
    """Takes a character (`one`), asks how a place looks (`look`), or keeps the place under a number (`save`).

    Else it goes on at all of `targets`; the first of them is preferred.
    """

    one: re.Pattern[str] | None = None
    look: str = ""
    targets: tuple[int, ...] = ()
    save: int | None = None


@dataclass(slots=True)
class _Program:
    """From the translated expression, read from left to right."""

    text: str
    at: int = 0
    steps: list[Step] = field(default_factory=list)
    groups: int = 0

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
        captures = opening[0] == "("
        self.groups += captures
        number = self.groups
        inside = self.alternatives("".join((set(flags) | set(opening["on"] or "")) - set(opening["off"] or "")))
        self.at += 1
        return (lambda: self._captured(inside, number)) if captures else inside

    def _captured(self, inside: Emit, number: int) -> None:
        self._add(Step(save=2 * number))
        inside()
        self._add(Step(save=2 * number + 1))

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
        return lambda: self._again(part, low, high, lazy=bool(repeat["lazy"]))

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

    def _again(self, part: Emit, low: int, high: int | None, *, lazy: bool) -> None:
        """As RE2 writes repetitions out: `x{2,}` is `xx+`, and `x{1,3}` is `x(x(x)?)?`."""
        for _ in range(low if high is not None else low - 1):
            part()
        if high is None:
            (self._plus if low else self._star)(part, lazy)
            return
        ways_out = []
        for _ in range(high - low):
            ways_out.append(self._add(Step()))
            part()
        for way_out in ways_out:
            self._choose(way_out, way_out + 1, lazy)

    def _plus(self, part: Emit, lazy: bool) -> None:
        start = len(self.steps)
        part()
        again = self._add(Step())
        self.steps[again] = Step(targets=(again + 1, start) if lazy else (start, again + 1))

    def _star(self, part: Emit, lazy: bool) -> None:
        """Of what may be empty it is `(x+)?`, so that the ways through it keep their order."""
        start = self._add(Step())
        part()
        if self._may_be_empty(start + 1):
            again = self._add(Step())
            self.steps[again] = Step(targets=(again + 1, start + 1) if lazy else (start + 1, again + 1))
        else:
            self._add(Step(targets=(start,)))
        self._choose(start, start + 1, lazy)

    def _choose(self, split: int, inside: int, lazy: bool) -> None:
        """Between what is inside and the end, as far as it is known now."""
        targets = (inside, len(self.steps))
        self.steps[split] = Step(targets=targets[::-1] if lazy else targets)

    def _may_be_empty(self, start: int) -> bool:
        """Whether the end is reached from there without a character; what looks at a place may let through."""
        waiting, seen = [start], set[int]()
        while waiting:
            number = waiting.pop()
            if number == len(self.steps):
                return True
            step = self.steps[number]
            if number not in seen and step.one is None:
                seen.add(number)
                waiting += step.targets or (number + 1,)
        return False


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


@dataclass(frozen=True, slots=True)
class Program:
    """What a regular expression asks of a text, step by step. `groups`: how many of them it keeps."""

    steps: tuple[Step, ...]
    groups: int


@lru_cache(maxsize=1024)
def program(pattern: str) -> Program | None:
    """Of a valid regular expression; None: it is larger than Envoy takes."""
    reading = _Program(translated(pattern))
    try:
        reading.alternatives("")()
    except _TooLarge:
        return None
    return Program(tuple(reading.steps), reading.groups)


def matches(pattern: str, text: str) -> bool:
    """Whether a valid regular expression matches the whole text."""
    found = program(pattern)
    if found is None:
        return compiled(pattern).fullmatch(text) is not None
    steps = found.steps
    current = _reached(steps, [0], text, 0)
    for at, character in enumerate(text, start=1):
        taken = [step + 1 for step in current if step < len(steps) and takes(steps[step], character)]
        current = _reached(steps, taken, text, at)
        if not current:
            return False
    return len(steps) in current


def takes(step: Step, character: str) -> bool:
    """Whether it goes on with this character."""
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
            waiting += [number + 1] if looks(steps[number].look, text, at) else []
        elif steps[number].save is not None:
            waiting.append(number + 1)
        else:
            waiting += steps[number].targets
    return found


def looks(look: str, text: str, at: int) -> bool:
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
