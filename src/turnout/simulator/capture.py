"""Where a regular expression matches in a text, and what its groups keep: the way that RE2 prefers.

All ways go forward together, in the order in which they are preferred (Pike's machine), so that the time grows with the
text. Of two ways to one step the preferred one goes on. Source: Russ Cox, Regular Expression Matching: the Virtual
Machine Approach.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turnout.resources.re2 import compiled
from turnout.simulator.automaton import Program, looks, program, takes

Places = tuple[int, ...]
"""Begin and end of the match, then of each group; -1: it has no part in it."""
Way = tuple[int, Places]
"""A step, and what was kept on the way there."""


def found(pattern: str, text: str, start: int = 0) -> Places | None:
    """The first match that begins at `start` or later. `pattern`: a valid one."""
    known = program(pattern)
    if known is None:
        found = compiled(pattern).search(text, start)
        return (
            None
            if found is None
            else tuple(place for group in range(found.re.groups + 1) for place in found.span(group))
        )
    return _search(known, text, start)


def _search(known: Program, text: str, start: int) -> Places | None:
    nothing = (-1,) * (2 * known.groups + 2)
    ways: list[Way] = []
    best: Places | None = None
    for at in range(start, len(text) + 1):
        beginning = [] if best else [(0, (at, *nothing[1:]))]
        ways = list(_reached(known, [*ways, *beginning], text, at))
        ending = next((number for number, (step, _) in enumerate(ways) if step == len(known.steps)), None)
        if ending is not None:
            places = ways[ending][1]
            best = (places[0], at, *places[2:])
            ways = ways[:ending]
        ways = _taken(known, ways, text[at : at + 1])
        if best and not ways:
            return best
    return best


def _taken(known: Program, ways: Iterable[Way], character: str) -> list[Way]:
    return [(step + 1, places) for step, places in ways if character and takes(known.steps[step], character)]


def _reached(known: Program, ways: Iterable[Way], text: str, at: int) -> Iterator[Way]:
    """Those that wait for a character, or are at the end, in the order in which they are preferred."""
    seen = set[int]()
    waiting = [*ways][::-1]
    while waiting:
        number, places = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        step = known.steps[number] if number < len(known.steps) else None
        if step is None or step.one is not None:
            yield number, places
        elif step.save is not None:
            waiting.append((number + 1, (*places[: step.save], at, *places[step.save + 1 :])))
        elif step.look:
            waiting += [(number + 1, places)] if looks(step.look, text, at) else []
        else:
            waiting += [(target, places) for target in reversed(step.targets)]
