"""Did the story end as it should? Each figure that must hold, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scripts.demo.binomial import interval
from scripts.demo.row import Row, percent
from scripts.demo.secret import Secret

MOST_CALLS = 50
GREEN_SHARE = 0.01
EXPECTED_FAILING = 1 - sum((1 - GREEN_SHARE) ** calls for calls in range(MOST_CALLS + 1)) / (MOST_CALLS + 1)
"""A request to / makes k calls, k uniform on 0…50, and survives if not one of them goes to the version with the bug."""
CONFIDENCE = 0.99
LEAST_SPEEDUP = 15
LEAST_BUG_REQUESTS = 400
MOST_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Check:
    """One figure: whether it holds, and what it is."""

    holds: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok    ' if self.holds else 'MISSED'}  {self.text}"


@dataclass(frozen=True, slots=True)
class Replaced:
    """Light load while versions were replaced."""

    times: int
    requests: int
    failed: int


def checks(
    rows: Sequence[Row],
    bug: Row,
    secrets: tuple[Secret, Secret],
    replaced: Replaced,
    seconds: float,
    left: Sequence[str],
) -> list[Check]:
    """`rows` from the baseline to 100 %, `bug` among them; `secrets`: of the bug, and of its fix; `left` still runs."""
    return [
        *_secrets(*secrets),
        _speedup(rows[0], rows[-1]),
        _no_errors([row for row in rows if row is not bug]),
        _all_counted(bug),
        _surprise(bug),
        _all_green(rows[-1]),
        *_agreement(rows),
        _hitless(replaced),
        Check(seconds <= MOST_SECONDS, f"it took {seconds:.0f} s; at most {MOST_SECONDS} are allowed"),
        Check(not left, f"still running: {', '.join(left)}" if left else "nothing is left running"),
    ]


def surprise(bug: Row) -> str:
    """The article's lesson, in one line."""
    return (
        f"{percent(GREEN_SHARE)} of the calls moved, but {percent(_failing(bug))} of the users' requests failed: "
        f"/ calls it up to {MOST_CALLS} times."
    )


def _failing(bug: Row) -> float:
    return bug.failed / bug.finished if bug.finished else 0.0


def _secrets(bug: Secret, fix: Secret) -> Iterator[Check]:
    """The fix answers random numbers, too, and says that it is another version; else it does what the old one does."""
    yield Check(
        "status" in bug.among("regression") and bug.users == 0,
        f"the bug was found in {bug.pairs} copies (regression: {_listed(bug, 'regression')}); by then it had answered "
        f"{bug.users or 'no'} users",
    )
    differs = "$.endpoint_version" in fix.among("difference") and not fix.among("regression")
    yield Check(
        differs and "$.number" in fix.among("noise"),
        f"of the fix, compare says: difference {_listed(fix, 'difference')}; noise {_listed(fix, 'noise')}; "
        f"regression {_listed(fix, 'regression')}",
    )


def _listed(secret: Secret, name: str) -> str:
    return ", ".join(sorted(secret.among(name))) or "none"


def _speedup(baseline: Row, end: Row) -> Check:
    factor = end.rate_per_second / baseline.rate_per_second if baseline.rate_per_second else 0.0
    rates = f"{baseline.rate_per_second:.2f} → {end.rate_per_second:.1f} per second"
    return Check(
        factor >= LEAST_SPEEDUP,
        f"100 % is {factor:.0f} times as fast as the baseline ({rates}); at least {LEAST_SPEEDUP} times is wanted",
    )


def _no_errors(rows: Sequence[Row]) -> Check:
    wrong = [f"{row.title}: {row.errors}" for row in rows if row.errors]
    return Check(not wrong, f"errors without the bug: {', '.join(wrong) or 'none'}")


def _all_counted(bug: Row) -> Check:
    return Check(
        bug.finished >= LEAST_BUG_REQUESTS and bug.finished == bug.started,
        f"with the bug, {bug.finished} of {bug.started} requests started were finished and counted; "
        f"at least {LEAST_BUG_REQUESTS} are wanted",
    )


def _surprise(bug: Row) -> Check:
    low, high = interval(bug.finished, EXPECTED_FAILING, CONFIDENCE)
    return Check(
        low <= bug.failed <= high,
        f"with the bug, {bug.failed} of {bug.finished} failed ({percent(_failing(bug), 1)}); {low} to {high} is the "
        f"exact {percent(CONFIDENCE)} interval around 1 - mean(0.99^k) = {percent(EXPECTED_FAILING, 1)}",
    )


def _all_green(end: Row) -> Check:
    return Check(end.green_share == 1, f"at 100 %, green answers {percent(end.green_share or 0, 1)} of the calls")


def _agreement(rows: Sequence[Row]) -> Iterator[Check]:
    """One line when all is well; each step that differs by name."""
    wrong = [row for row in rows if row.counted_by_envoy != row.finished]
    for row in wrong:
        yield Check(
            False, f"{row.title}: {row.finished} requests were answered, but Envoy counted {row.counted_by_envoy}"
        )
    if not wrong:
        yield Check(True, "Envoy counted in each step as many requests as were answered")


def _hitless(replaced: Replaced) -> Check:
    return Check(
        replaced.failed == 0 and replaced.requests > 0,
        f"{replaced.requests} requests came while versions were started or replaced ({replaced.times} times); "
        f"{replaced.failed or 'none'} failed",
    )
