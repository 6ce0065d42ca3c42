"""Bets that are fair under the null, whatever it is, and win soon when it is false."""

from __future__ import annotations

from itertools import product
from math import comb, exp, inf, log

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from turnout.delivery.evidence import Counts, Stream
from turnout.delivery.sequential import (
    Claim,
    Shares,
    Wealth,
    alternatives,
    candidates_needed,
    difference_bounds,
    faded,
    fine,
    ln_e_value,
    nearest,
    notable,
    opened,
    restarted,
    settled,
    share_bounds,
    stable_share,
    worse,
)

tolerances = st.sampled_from([0.001, 0.01, 0.05, 0.3, 0.7])
shares = st.one_of(st.floats(0.0, 1.0), st.floats(1e-6, 0.02))
sizes = st.tuples(st.integers(1, 5), st.integers(1, 7))


def outcomes(candidates: int, stables: int, truth: Shares) -> list[tuple[Counts, float]]:
    """Every block of these sizes, with its probability."""
    return [
        (
            Counts(Stream(bad, candidates), Stream(stable_bad, stables)),
            chance(bad, candidates, truth.candidate) * chance(stable_bad, stables, truth.stable),
        )
        for bad, stable_bad in product(range(candidates + 1), range(stables + 1))
    ]


def chance(bad: int, total: int, share: float) -> float:
    return comb(total, bad) * share**bad * (1 - share) ** (total - bad)


@st.composite
def nulls(draw: st.DrawFn, claim: Claim, proves_worse: bool) -> Shares:
    """A pair of shares for which the claim is false."""
    stable, other = draw(shares), draw(shares)
    if proves_worse:
        return Shares(min(stable + claim.margin, other), stable)
    assume(stable + claim.margin <= 1)
    return Shares(max(other, stable + claim.margin), stable)


@st.composite
def claims(draw: st.DrawFn) -> tuple[Claim, Shares, Shares]:
    """And two nulls, as nothing says that shares stay what they are."""
    tolerance = draw(tolerances)
    proves_worse = draw(st.booleans())
    claim = draw(st.sampled_from([worse(tolerance), notable(tolerance)])) if proves_worse else fine(tolerance, 0.05)
    return claim, draw(nulls(claim, proves_worse)), draw(nulls(claim, proves_worse))


@given(claims(), sizes, shares)
def test_a_block_wins_nothing_on_average_when_the_claim_is_false(
    case: tuple[Claim, Shares, Shares], block: tuple[int, int], bet_on: float
) -> None:
    """Exactly, over all outcomes: for any sizes, any null, and any share of stable that is bet on."""
    claim, null, _ = case
    for alternative in alternatives(claim, bet_on):
        mean = sum(p * exp(ln_e_value(counts, alternative, claim.margin)) for counts, p in outcomes(*block, null) if p)
        assert mean <= 1 + 1e-9


@given(claims(), sizes, sizes, shares)
def test_nor_do_two_with_what_is_learned_in_between(
    case: tuple[Claim, Shares, Shares], one: tuple[int, int], two: tuple[int, int], first: float
) -> None:
    claim, null, later_null = case
    mean = 0.0
    for counts, p in outcomes(*one, null):
        wealth = settled(claim, opened(claim), counts, first)
        learned = stable_share(counts.stable)
        following = ((settled(claim, wealth, later, learned).total, q) for later, q in outcomes(*two, later_null) if q)
        mean += p * sum(total * q for total, q in following) if p else 0.0

    assert mean <= 1 + 1e-9


@given(tolerances, shares)
def test_what_is_bet_on_is_never_within_the_null(tolerance: float, bet_on: float) -> None:
    """Else the nearest point of its edge would not be the nearest of it."""
    for claim in (worse(tolerance), notable(tolerance)):
        for alternative in alternatives(claim, bet_on):
            assert alternative.candidate - alternative.stable >= claim.margin - 1e-12
    for alternative in alternatives(fine(tolerance, 0.05), bet_on):
        assert alternative.candidate - alternative.stable < tolerance


@given(claims(), st.integers(1, 300), st.integers(1, 30_000), shares)
def test_the_nearest_null_is_nearer_than_its_neighbours(
    case: tuple[Claim, Shares, Shares], candidates: int, stables: int, bet_on: float
) -> None:
    claim = case[0]
    for alternative in alternatives(claim, bet_on):
        null = nearest(alternative, claim.margin, candidates, stables)
        assert null.candidate - null.stable == pytest.approx(claim.margin)
        for nudge in (0.9, 0.999, 1.001, 1.1):
            stable = null.stable * nudge
            if 0 < stable < 1 - claim.margin:
                other = Shares(stable + claim.margin, stable)
                here, there = (
                    candidates * divergence(alternative.candidate, point.candidate)
                    + stables * divergence(alternative.stable, point.stable)
                    for point in (null, other)
                )
                assert here <= there + 1e-9 * (1 + abs(there))


def divergence(share: float, other: float) -> float:
    """Kullback's and Leibler's, between two coins."""
    return share * log(share / other) + (1 - share) * log((1 - share) / (1 - other))


def test_requests_of_one_version_alone_prove_nothing() -> None:
    alternative = Shares(0.5, 0.01)
    assert ln_e_value(Counts(Stream(9, 9), Stream()), alternative, 0.0) == 0
    assert ln_e_value(Counts(Stream(), Stream(0, 900)), alternative, 0.0) == 0


# --- what is won when the claim is true


def looks(claim: Claim, wealth: Wealth, blocks: list[Counts]) -> list[float]:
    """The e-value after each."""
    learned, values = Stream(), []
    for block in blocks:
        wealth = settled(claim, wealth, block, stable_share(learned))
        learned = faded(learned + block.stable)
        values.append(wealth.total)
    return values


def block(bad: int, total: int, stable_bad: int, stable_total: int) -> Counts:
    return Counts(Stream(bad, total), Stream(stable_bad, stable_total))


GOOD = block(0, 2, 0, 198)


def test_three_failures_of_133_requests_are_enough_beside_13_of_13_167() -> None:
    """0.1 % and 2 %: at the level of one of three guards, and with half of the reserve kept back."""
    seconds = [block(int(at % 22 == 11), 2, int(at % 5 == 0), 198) for at in range(66)]

    assert looks(worse(0.01), opened(worse(0.01)), seconds)[-1] >= 3 / 0.05


def test_one_failure_is_not_enough() -> None:
    seconds = [GOOD] * 10 + [block(1, 2, 0, 198)]

    assert max(looks(worse(0.01), opened(worse(0.01)), seconds)) < 3 / 0.05


def test_equal_failures_prove_that_it_is_fine_and_not_that_it_is_worse() -> None:
    seconds = [block(int(at % 100 == 50), 10, int(at % 10 == 5), 90) for at in range(400)]

    assert max(looks(worse(0.01), opened(worse(0.01)), seconds)) < 20
    assert looks(fine(0.01, 0.05), opened(fine(0.01, 0.05)), seconds)[-1] >= 20


def test_failures_of_both_at_the_same_time_do_not_speak_against_the_candidate() -> None:
    """An outage of what both depend on."""
    seconds = [GOOD] * 100 + [block(12, 20, 48, 80)] * 50 + [GOOD] * 100

    assert max(looks(worse(0.01), opened(worse(0.01)), seconds)) < 20


def test_half_of_what_is_tolerated_is_proven_by_many_requests_and_still_not_notable() -> None:
    seconds = [block(int(at % 17 == 8), 10, int(at % 10 == 5), 90) for at in range(2000)]

    assert looks(worse(0.01), opened(worse(0.01)), seconds)[-1] >= 3 / 0.05
    assert looks(notable(0.01), opened(notable(0.01)), seconds)[-1] < 1


def test_a_candidate_that_turns_bad_after_an_hour_is_caught_within_a_minute() -> None:
    hour = [block(int(at % 100 == 50), 10, int(at % 10 == 5), 90) for at in range(3600)]
    bad = [block(1, 10, int(at % 10 == 5), 90) for at in range(60)]

    values = looks(worse(0.01), opened(worse(0.01)), hour + bad)

    assert max(values[:3600]) < 1
    assert max(values[3600:]) >= 3 / 0.05


def test_what_was_proven_is_used_up_soon_when_things_change() -> None:
    claim = fine(0.01, 0.05)
    good = [block(0, 10, 0, 90)] * 3600
    bad = [block(1, 10, 0, 90)] * 10

    values = looks(claim, opened(claim), good + bad)

    assert values[3599] >= 20
    assert values[-1] < 1


def test_a_step_stakes_half_of_the_reserve_and_a_third_of_it_outlasts_any() -> None:
    claim = worse(0.01)
    wealth = settled(claim, opened(claim), GOOD, 0.01)
    assert wealth.reserve == 0.5

    for _ in range(5000):
        wealth = settled(claim, wealth, GOOD, 0.01)
    assert wealth.reserve == pytest.approx(1 / 3, rel=1e-3)
    assert settled(claim, restarted(wealth), GOOD, 0.01).reserve == pytest.approx(1 / 6, rel=1e-3)


def test_a_candidate_that_begins_badly_and_gets_better_becomes_fine() -> None:
    """Cold caches: in the first twenty seconds, half of its requests are slow."""
    claim = fine(0.01, 0.05)
    cold = [block(5, 10, 0, 90)] * 20
    warm = [block(int(at % 100 == 50), 10, int(at % 10 == 5), 90) for at in range(300)]

    values = looks(claim, opened(claim), cold + warm)

    assert max(values[:30]) < 1
    assert values[-1] >= 20


def test_stakes_stay_finite_whatever_comes() -> None:
    claim = worse(0.01)
    wealth = opened(claim)
    for _ in range(50):
        wealth = settled(claim, wealth, block(1_000_000, 1_000_000, 0, 1_000_000), 1e-9)
    assert 60 <= wealth.total < inf


# --- how many more


@pytest.mark.parametrize(
    ("claim", "alpha", "truth", "low", "high"),
    [
        (fine(0.01, 0.05), 0.05, Shares(0.001, 0.001), 300, 600),
        (fine(0.05, 0.05), 0.05, Shares(0.1, 0.1), 200, 600),
        (worse(0.01), 0.05 / 3, Shares(0.02, 0.001), 100, 250),
        (worse(0.01), 0.05 / 3, Shares(1.0, 0.001), 1, 4),
    ],
)
def test_what_is_needed_is_about_what_simulations_need(
    claim: Claim, alpha: float, truth: Shares, low: int, high: int
) -> None:
    assert low <= candidates_needed(claim, opened(claim), alpha, truth, 99) <= high


def test_no_number_of_requests_shows_what_is_not_so() -> None:
    assert candidates_needed(worse(0.01), opened(worse(0.01)), 0.05, Shares(0.01, 0.01), 99) == inf
    assert candidates_needed(fine(0.01, 0.05), opened(fine(0.01, 0.05)), 0.05, Shares(0.03, 0.01), 99) == inf


def test_what_is_as_good_as_lost_needs_many_more() -> None:
    lost = Wealth(0.0, (5e-324, 0.0, 0.0), 9)
    assert 10_000 < candidates_needed(fine(0.05, 0.05), lost, 0.05, Shares(0.0, 0.001), 99) < inf


# --- intervals


@given(st.integers(0, 50), st.integers(0, 5000), st.sampled_from([0.01, 0.05]))
def test_bounds_hold_what_was_seen_and_shrink_with_more_of_it(bad: int, good: int, alpha: float) -> None:
    assume(bad + good)
    low, high = share_bounds(Stream(bad, bad + good), alpha)
    closer_low, closer_high = share_bounds(Stream(10 * bad, 10 * (bad + good)), alpha)

    assert 0 <= low <= bad / (bad + good) <= high <= 1
    assert closer_high - closer_low < high - low


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_bounds_cover_at_every_look_together(share: float) -> None:
    """Exactly, over all sequences of 60 looks at one more request each."""
    alpha, alive = 0.2, {0: 1.0}
    for total in range(1, 61):
        following: dict[int, float] = {}
        for bad, p in alive.items():
            for more, q in ((1, share), (0, 1 - share)):
                following[bad + more] = following.get(bad + more, 0.0) + p * q
        bounds = {bad: share_bounds(Stream(bad, total), alpha) for bad in following}
        alive = {bad: p for bad, p in following.items() if bounds[bad][0] <= share <= bounds[bad][1]}

    assert sum(alive.values()) >= 1 - alpha


def test_nothing_seen_bounds_nothing() -> None:
    assert share_bounds(Stream(), 0.05) == (0.0, 1.0)
    assert difference_bounds(Counts(), 0.05) == (-1.0, 1.0)


def test_a_difference_is_bounded_by_both_streams() -> None:
    low, high = difference_bounds(block(20, 1000, 99, 99_000), 0.05)
    assert 0 < low < 0.019 < high < 0.05
