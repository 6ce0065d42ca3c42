"""When the story of a rollout is called a success."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scripts.demo_rollout.verdict import STEPS, Told, checks


def compared(verdict: str, *fields: tuple[str, str, str]) -> dict[str, Any]:
    """A view; `fields`: path, kind and class."""
    routes = [{"fields": [{"path": path, "kind": kind, "class": name} for path, kind, name in fields]}]
    return {
        "started": 100.0,
        "ended": 120.0,
        "report": {"verdict": verdict, "pairs": {"candidate": 900}, "report": {"routes": routes}},
    }


def history(phase: str, **more: Any) -> dict[str, Any]:
    return {
        "status": {"phase": phase, "startedAt": 100.0, "finishedAt": 160.0, **more},
        "events": [{"what": "step", "text": text} for text in STEPS],
    }


def loaded(failed: int = 0, rate: float = 550.0) -> dict[str, Any]:
    return {"requests": {"finished": 30_000, "failed": failed}, "window_rate_per_second": rate}


ERRORS = {"guard": "errors", "kind": "worse", "candidate": {"bad": 2, "total": 33}}
BACK = {"seconds": 0.02, "lastCandidateAnswerSeconds": 0.05}
WELL = Told(
    bug=compared("regression", ("$.price", "missing", "regression"), ("$.id", "value", "noise")),
    fix=compared("same"),
    answered_in_secret=0,
    first=history("finished"),
    first_status=0,
    users=loaded(),
    second=history("aborted", verdicts=[ERRORS], lastChange=BACK),
    second_status=1,
    answered_in_second=40,
    users_in_second=loaded(failed=2),
    users_later=loaded(),
)


def missed(told: Told, seconds: float = 150.0, left: tuple[str, ...] = ()) -> list[str]:
    return [check.text for check in checks(told, seconds, left) if not check.holds]


def test_a_story_that_went_well_misses_nothing_and_says_what_it_took() -> None:
    assert missed(WELL) == []
    text = "\n".join(map(str, checks(WELL, 150.0, ())))
    assert "in 900 pairs of answers (20 s): $.price is missing; by then version 2 had answered no users" in text
    assert "1 → 5 → 25 → 50 → 100 % by itself, in 60 s" in text
    assert "after 33 requests to version 2 that counted, of which 2 failed" in text
    assert (
        "20 ms after the look that told, all requests were at version 1 again; its last answer was seen after 50"
        in text
    )


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (replace(WELL, bug=compared("same")), "the bug was found in 900 pairs of answers (20 s): nothing"),
        (replace(WELL, answered_in_secret=1), "had answered 1 users"),
        (replace(WELL, fix=compared("difference")), "compare says: difference"),
        (replace(WELL, first_status=1), "by itself"),
        (replace(WELL, first={**history("finished"), "events": []}), "by itself"),
        (replace(WELL, users=loaded(failed=1)), "1 failed"),
        (replace(WELL, users=loaded(rate=499.0)), "at least 500 are wanted"),
        (replace(WELL, second=history("finished", verdicts=[ERRORS], lastChange=BACK)), "went back by itself"),
        (replace(WELL, users_in_second=loaded(failed=41)), "41 of 30,000 users saw an error"),
        (replace(WELL, users_later=loaded(failed=1)), "afterwards 1 of 30,000"),
    ],
)
def test_what_is_not_as_told_is_missed(told: Told, says: str) -> None:
    (text,) = missed(told)
    assert says in text


def test_a_story_that_never_began_misses_everything_without_a_traceback() -> None:
    assert len(missed(Told(), seconds=301.0, left=("7 envoy",))) == 11
