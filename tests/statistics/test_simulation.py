"""What the page says, on a small scale; and that what is simulated is what the product does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scripts.statistics import product
from scripts.statistics.bets import Bets
from scripts.statistics.page import TEMPLATE, minutes, number, percent, table, with_interval
from scripts.statistics.rules import ALPHA, Evidence, Flagger, ZTest
from scripts.statistics.service import Look, Scenario, Services
from scripts.statistics.simulation import shares, simulate

from turnout.delivery import sequential
from turnout.delivery.evidence import Counts, Stream
from turnout.delivery.sequential import Claim

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
AS_GOOD = Scenario(0.001)
BUG = Scenario(0.001, (0.019, 0.0, 0.0))


@pytest.mark.parametrize("claim", [sequential.worse(0.01), sequential.notable(0.05), sequential.fine(0.01, 0.05)])
@pytest.mark.parametrize("weight", [0.01, 0.5])
def test_arrays_bet_as_the_product_does(claim: Claim, weight: float) -> None:
    services = Services(Scenario(0.01, (0.002, 0.0, 0.0)), 3, np.random.default_rng(1))
    bets = Bets([claim], 3)
    wealth, learned, waiting = [sequential.opened(claim)] * 3, [Stream()] * 3, [Counts()] * 3
    for second in range(300):
        look = services.look(np.full(3, weight))
        errors = Look(look.candidates, look.stables, look.candidate_bad[:, :1], look.stable_bad[:, :1])
        if second == 150:  # one of them begins a step
            bets.restart(np.array([True, False, False]))
            wealth[0], waiting[0] = sequential.restarted(wealth[0]), Counts()
        values = bets.settled(errors, np.ones(3, dtype=bool))[:, 0]
        for at in range(3):
            waiting[at] += block(look, at)
            if waiting[at].both:
                share = sequential.stable_share(learned[at])
                wealth[at] = sequential.settled(claim, wealth[at], waiting[at], share)
                learned[at] = sequential.faded(learned[at] + waiting[at].stable)
                waiting[at] = Counts()
        assert values == pytest.approx([each.total for each in wealth], rel=1e-9)


def block(look: Look, at: int) -> Counts:
    """What it brought of the errors of one rollout."""
    return Counts(
        Stream(int(look.candidate_bad[at, 0]), int(look.candidates[at])),
        Stream(int(look.stable_bad[at, 0]), int(look.stables[at])),
    )


@pytest.mark.parametrize("scenario", [AS_GOOD, Scenario(0.1, tolerance=0.05), Scenario(0.001, outages=True)])
def test_a_candidate_as_good_as_stable_is_rarely_taken_back(scenario: Scenario) -> None:
    outcome = simulate(Evidence(scenario, 300), scenario, 300, 1)

    _, low, _ = shares(outcome.aborted)
    assert low <= ALPHA
    assert outcome.promoted.mean() > 0.9


def test_a_candidate_worse_by_the_tolerance_is_rarely_fine_and_never_promoted() -> None:
    scenario = Scenario(0.001, (0.01, 0.0, 0.0))
    outcome = simulate(Evidence(scenario, 300), scenario, 300, 1)

    _, low, _ = shares(outcome.fine)
    assert low <= ALPHA
    assert outcome.promoted.sum() <= 1


def test_a_bug_of_two_percent_is_caught_within_150_requests_of_the_candidate() -> None:
    outcome = simulate(Evidence(BUG, 1000), BUG, 1000, 1)

    assert outcome.aborted.all()
    assert (outcome.median_requests() or 1e9) <= 150


def test_the_product_itself_catches_it_as_soon() -> None:
    outcome = product.simulate(BUG, 25, 1)

    assert outcome.aborted.all()
    assert (outcome.median_requests() or 1e9) <= 220


def test_flaggers_rule_counts_failed_checks_and_forgets_none() -> None:
    flagger = Flagger(1)
    ok, bad = np.array([[0, 0, 0]]), np.array([[2, 0, 0]])
    backs = []
    for failed in (True, True, False, True, True, False, True):
        look = Look(np.array([100]), np.array([9900]), bad if failed else ok, ok)
        backs.append(bool(flagger.look(look, 60).back[0]))

    assert backs == [False] * 6 + [True]


def test_looking_again_and_again_makes_a_z_test_cry_wolf() -> None:
    outcome = simulate(ZTest(300), AS_GOOD, 300, 1)

    assert outcome.aborted.mean() > 0.5


# --- the page


def test_the_page_is_what_the_script_writes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for fixed in re.split(r"\{\w+\}", TEMPLATE):
        assert fixed in text


def test_figures_have_the_digits_that_count() -> None:
    assert [percent(share) for share in (0.0, 0.00123, 0.0456, 0.5, 1.0)] == ["0 %", "0.12 %", "4.6 %", "50 %", "100 %"]
    assert with_interval(0.014, 0.011, 1.0) == "1.4 % (1.1 to 100)"
    assert [minutes(None), minutes(90.0), minutes(1230.0)] == ["", "1.5 min", "20 min"]
    assert [number(None), number(1234.5)] == ["-", "1,234"]
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
