"""Many tests at once: which of them are discoveries, when few of those may be false."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Test:
    """`p`, and the `least` that p could have been, given the totals alone."""

    __test__ = False  # for pytest: it is none of its own

    p: float
    least: float


def adjusted(tests: Sequence[Test], rate: float) -> list[float]:
    """Each test's adjusted p: what is at most `rate` is a discovery, and of discoveries at most that share is false.

    Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57, 1995; it also holds where tests go up and down together, as
    fields of one answer do (Benjamini and D. Yekutieli, Ann. Stat. 29, 2001). Counts are coarse: a field that differed
    once can never be a discovery, and would only make it harder for the others. Which ones those are depends on the
    totals alone, so that they may be left out (P. B. Gilbert, J. R. Stat. Soc. C 54, 2005); they get 1.
    """
    tested = _testable(tests, rate)
    found = [1.0] * len(tests)
    lowest = 1.0
    for position, index in reversed(list(enumerate(sorted(tested, key=lambda i: tests[i].p), start=1))):
        lowest = min(lowest, tests[index].p * len(tested) / position)
        found[index] = lowest
    return found


def _testable(tests: Sequence[Test], rate: float) -> list[int]:
    """The smallest K for which at most K tests could reach rate/K; and those tests."""
    leasts = sorted(test.least for test in tests)
    for k in range(1, len(tests) + 1):
        if k >= len(leasts) or leasts[k] > rate / k:
            return [index for index, test in enumerate(tests) if test.least <= rate / k]
    return []


def rate_at(rate: float, look: int) -> float:
    """The share of `rate` that the look-th look may spend. All looks together, however many, never spend more.

    Stopping when something is found is a choice made by the data; the shares 1/2, 1/6, 1/12, … add up to 1, so the
    errors of all looks together stay within `rate`. Look when the pairs have doubled, and few looks do.
    """
    assert look >= 1, "looks are counted from 1"
    return rate / (look * (look + 1))
