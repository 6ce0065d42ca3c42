"""Did the story end as it should? Each figure that must hold, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.demo.verdict import Check

LEAST_RATE = 500.0
MOST_SECONDS = 300
MOST_BACK_SECONDS = 1.0
STEPS = [f"weight {percent} %" for percent in (1, 5, 25, 50, 100)]

Json = Mapping[str, Any]


@dataclass(slots=True)
class Told:
    """What happened, as the commands said it. Comparisons are views of one, rollouts their histories.

    `answered`: users' requests that version 2 had answered, when the comparison of the bug ended, and in the second
    rollout. `failed_later`: users' requests that failed after it.
    """

    bug: Json = field(default_factory=dict)
    fix: Json = field(default_factory=dict)
    answered_in_secret: int = -1
    first: Json = field(default_factory=dict)
    first_status: int = -1
    users: Json = field(default_factory=dict)
    second: Json = field(default_factory=dict)
    second_status: int = -1
    answered_in_second: int = -1
    users_in_second: Json = field(default_factory=dict)
    users_later: Json = field(default_factory=dict)


def checks(told: Told, seconds: float, left: Sequence[str]) -> list[Check]:
    """`left` still runs."""
    return [
        _bug(told),
        _fix(told),
        _promoted(told),
        *_undisturbed(told),
        *_gone_back(told),
        Check(seconds <= MOST_SECONDS, f"it took {seconds:.0f} s; at most {MOST_SECONDS} are allowed"),
        Check(not left, f"still running: {', '.join(left)}" if left else "nothing is left running"),
    ]


def _bug(told: Told) -> Check:
    found = [(each["path"], each["kind"]) for each in _fields(told.bug, "regression")]
    return Check(
        ("$.price", "missing") in found and told.answered_in_secret == 0,
        f"the bug was found in {_pairs(told.bug)} pairs of answers ({_seconds(told.bug):.0f} s): "
        f"{', '.join(f'{path} is {kind}' for path, kind in found) or 'nothing'}; by then version 2 had answered "
        f"{told.answered_in_secret or 'no'} users",
    )


def _fix(told: Told) -> Check:
    verdict = (told.fix.get("report") or {}).get("verdict")
    return Check(verdict == "same", f"of the fix, compare says: {verdict}, after {_pairs(told.fix)} pairs of answers")


def _promoted(told: Told) -> Check:
    steps = [event["text"] for event in told.first.get("events", ()) if event["what"] == "step"]
    status = told.first.get("status", {})
    return Check(
        told.first_status == 0 and status.get("phase") == "finished" and steps == STEPS,
        f"the fix went {' → '.join(step.split()[1] for step in steps)} % by itself, in {_seconds_of(status):.0f} s",
    )


def _undisturbed(told: Told) -> Iterator[Check]:
    requests, rate = told.users.get("requests", {}), told.users.get("window_rate_per_second", 0.0)
    failed = requests.get("failed", -1)
    yield Check(
        failed == 0,
        f"{requests.get('finished', 0):,} users' requests came meanwhile; {failed or 'none'} failed",
    )
    yield Check(rate >= LEAST_RATE, f"they came at {rate:.0f} per second; at least {LEAST_RATE:.0f} are wanted")


def _gone_back(told: Told) -> Iterator[Check]:
    status = told.second.get("status", {})
    change, errors = status.get("lastChange") or {}, _errors(status)
    seen = errors.get("candidate", {})
    yield Check(
        told.second_status == 1 and status.get("phase") == "aborted" and errors.get("kind") == "worse",
        f"the second bug: the rollout went back by itself, after {seen.get('total', 0)} requests to version 2 that "
        f"counted, of which {seen.get('bad', 0)} failed, and {_seconds_of(status):.0f} s",
    )
    back = change.get("seconds", 1e9)
    yield Check(
        back <= MOST_BACK_SECONDS,
        f"{1000 * back:.0f} ms after the look that told, all requests were at version 1 again; {_last(change)}",
    )
    failed = told.users_in_second.get("requests", {}).get("failed", -1)
    total = told.users_in_second.get("requests", {}).get("finished", 0)
    yield Check(
        0 <= failed <= told.answered_in_second,
        f"{failed} of {total:,} users saw an error; version 2 had answered {told.answered_in_second} of them",
    )
    later = told.users_later.get("requests", {})
    yield Check(
        later.get("failed") == 0,
        f"afterwards {later.get('failed') or 'none'} of {later.get('finished', 0):,} did",
    )


def _seconds_of(status: Json) -> float:
    return float((status.get("finishedAt") or 0) - (status.get("startedAt") or 0))


def _last(change: Json) -> str:
    last = change.get("lastCandidateAnswerSeconds")
    return "version 2 answered nothing more" if last is None else f"its last answer was seen after {1000 * last:.0f} ms"


def _errors(status: Json) -> Json:
    found: list[Json] = [each for each in status.get("verdicts", ()) if each["guard"] == "errors"]
    return found[0] if found else {}


def _fields(view: Json, name: str) -> list[Json]:
    routes = ((view.get("report") or {}).get("report") or {}).get("routes", ())
    return [each for route in routes for each in route["fields"] if each["class"] == name]


def _pairs(view: Json) -> int:
    return int((view.get("report") or {}).get("pairs", {}).get("candidate", 0))


def _seconds(view: Json) -> float:
    return float((view.get("ended") or 0) - (view.get("started") or 0))
