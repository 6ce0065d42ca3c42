"""How long the candidate went on answering after all requests were taken from it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from turnout.delivery.evidence import Evidence
from turnout.evidence.question import Question, Source

POLL_SECONDS = 0.02
QUIET_SECONDS = 0.3
MOST_SECONDS = 5.0
"""A request may last as long as it likes: this is what is waited for."""


@dataclass(frozen=True, slots=True)
class Retreat:
    """`last_seconds`: from the look on which it was decided to the candidate's last answer; None: it gave none.

    `under_way`: requests that it had not answered yet when nobody waited any longer.
    """

    last_seconds: float | None
    under_way: int = 0


def retreat(source: Source, question: Question, decided_on: Evidence | None, seconds: float) -> Retreat:
    """Waits for the candidate's last answer. Raises TurnoutError.

    `seconds` have passed since the look `decided_on`: of answers between the two no more is known. What came later is
    known to about POLL_SECONDS.
    """
    began = quiet_since = time.monotonic()
    count = _answers(source, question)
    last = None if decided_on is not None and count == decided_on.candidate else seconds
    while True:
        looked = time.monotonic()
        under_way = source.under_way(question.versions)
        if looked - began > MOST_SECONDS or (not under_way and looked - quiet_since > QUIET_SECONDS):
            return Retreat(None if last is None else round(last, 4), under_way)
        time.sleep(POLL_SECONDS)
        looked = time.monotonic()
        if (seen := _answers(source, question)) != count:
            count, quiet_since, last = seen, looked, seconds + looked - began


def _answers(source: Source, question: Question) -> int:
    seen = source.look(question)
    return seen.candidate if seen is not None else 0
