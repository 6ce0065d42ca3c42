"""When the candidate answered for the last time: counted while somebody watches, as far as that can be known."""

from __future__ import annotations

import pytest

from turnout.delivery.evidence import Buckets, Evidence
from turnout.delivery.steering import Versions
from turnout.evidence.question import Question
from turnout.rollout import retreat as retreating
from turnout.rollout.retreat import retreat

QUESTION = Question(Versions("app.default.svc.cluster.local", "v1", "v2"), copies=False, guards=(), step="0")
DECIDED_ON = Evidence("e", candidate=10, total=100)


class Clock:
    """Nobody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Source:
    """The candidate has counted 10 and then one more at each of these times."""

    prompt = True

    problems: tuple[str, ...] = ()

    def __init__(self, clock: Clock, *answers: float, waiting: int = 0) -> None:
        self._clock = clock
        self._answers = answers
        self._waiting = waiting

    def look(self, question: Question) -> Evidence | None:
        return Evidence("e", candidate=10 + sum(at <= self._clock.now for at in self._answers), total=200)

    def under_way(self, versions: Versions) -> int:
        return self._waiting + sum(at > self._clock.now for at in self._answers)

    def durations(self, versions: Versions) -> Buckets:
        return {}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retreating, "time", clock)
    return clock


def test_slow_answers_are_waited_for(clock: Clock) -> None:
    found = retreat(Source(clock, 0.1, 1.5), QUESTION, DECIDED_ON, 0.01)
    assert found.last_seconds == pytest.approx(1.51, abs=0.03)
    assert found.under_way == 0


def test_answers_before_the_routes_changed_are_answers_too(clock: Clock) -> None:
    assert retreat(Source(clock, -1.0), QUESTION, DECIDED_ON, 0.01).last_seconds == 0.01
    assert retreat(Source(clock), QUESTION, None, 0.01).last_seconds == 0.01, "not known, so it may have been"


def test_a_candidate_that_nobody_asked_gave_no_answer(clock: Clock) -> None:
    assert retreat(Source(clock), QUESTION, DECIDED_ON, 0.01).last_seconds is None
    assert clock.now < 0.5, "nobody waits for what is not to come"


def test_what_never_ends_is_told_as_under_way(clock: Clock) -> None:
    found = retreat(Source(clock, 0.2, waiting=3), QUESTION, DECIDED_ON, 0.01)
    assert found.last_seconds == pytest.approx(0.21, abs=0.03)
    assert found.under_way == 3
    assert clock.now < retreating.MOST_SECONDS + 1
