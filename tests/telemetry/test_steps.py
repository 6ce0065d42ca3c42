"""The last minute, look by look: what is kept of it together is what its steps add up to."""

from __future__ import annotations

import random

from tests.telemetry.kinds import KINDS, done

from turnout.telemetry.steps import Step, Steps


def test_all_together_is_what_the_steps_add_up_to() -> None:
    chance, steps, now = random.Random(7), Steps(60.0), 0.0
    for _ in range(500):
        began, now = now, now + chance.choice((0.02, 0.3, 1.0, 1.0, 1.0, 7.0))
        kinds = chance.sample(KINDS, chance.randint(0, len(KINDS)))
        steps.add(Step(began, now, {kind: done(chance.randint(0, 50)) for kind in kinds}))
        one_by_one = Steps(1e9)
        for step in steps._steps:
            one_by_one.add(step)
        assert steps.within(60.0) == {
            kind: traffic for kind, traffic in one_by_one.within(1e9).items() if traffic.requests
        }


def test_what_is_given_away_stays_as_it_was() -> None:
    steps = Steps(60.0)
    steps.add(Step(0.0, 1.0, {KINDS[0]: done(10)}))
    taken = steps.within(60.0)
    steps.add(Step(1.0, 2.0, {KINDS[0]: done(5)}))
    assert taken == {KINDS[0]: done(10).within(1.0)}


def test_a_step_longer_than_all_of_them_is_the_only_one() -> None:
    """The machine slept."""
    steps = Steps(60.0)
    steps.add(Step(0.0, 1.0, {KINDS[0]: done(10)}))
    steps.add(Step(1.0, 500.0, {KINDS[0]: done(5)}))
    assert steps.within(60.0) == {KINDS[0]: done(5).within(499.0)}


def test_there_are_no_more_steps_than_fit_however_often_one_looks() -> None:
    steps = Steps(60.0)
    for tick in range(20_000):
        steps.add(Step(tick / 100, (tick + 1) / 100, {}))
    assert len(steps._steps) <= 121
