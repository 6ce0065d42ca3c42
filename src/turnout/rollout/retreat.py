"""How long the candidate went on answering after all requests were taken from it."""

from __future__ import annotations

import time

from turnout.evidence.question import Question, Source

POLL_SECONDS = 0.02
QUIET_SECONDS = 0.3
MOST_SECONDS = 3.0
"""A request may last as long as it likes: this is what is waited for."""


def last_answer(source: Source, question: Question) -> float | None:
    """Seconds until its last answer, from now on; None when there is none. Raises TurnoutError."""
    began = quiet_since = time.monotonic()
    count, last = _answers(source, question), None
    while (now := time.monotonic()) - quiet_since < QUIET_SECONDS and now - began < MOST_SECONDS:
        time.sleep(POLL_SECONDS)
        seen = _answers(source, question)
        if seen != count:
            count, quiet_since = seen, time.monotonic()
            last = quiet_since - began
    return last


def _answers(source: Source, question: Question) -> int:
    seen = source.look(question)
    return seen.candidate if seen is not None else 0
