"""How long the candidate went on answering after all requests were taken from it."""

from __future__ import annotations

import time
from collections.abc import Callable

from turnout.evidence.question import Question, Source

POLL_SECONDS = 0.02
QUIET_SECONDS = 0.3
MOST_SECONDS = 3.0
"""A request may last as long as it likes: this is what is waited for."""


def last_answer(source: Source, question: Question, clock: Callable[[], float]) -> float | None:
    """When it was last seen to answer, on the clock; None: not since it was looked at. Raises TurnoutError."""
    began = quiet_since = clock()
    count, last = _answers(source, question), None
    while clock() - quiet_since < QUIET_SECONDS and clock() - began < MOST_SECONDS:
        time.sleep(POLL_SECONDS)
        now_counted = _answers(source, question)
        if now_counted != count:
            count, last = now_counted, clock()
            quiet_since = clock()
    return last


def _answers(source: Source, question: Question) -> int:
    seen = source.look(question)
    return seen.candidate if seen is not None else 0
