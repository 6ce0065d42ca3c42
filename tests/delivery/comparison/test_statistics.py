"""The tests behind a judgement, against brute force and known values."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.comparison.discovery import Test, adjusted, rate_at
from turnout.delivery.comparison.distribution import (
    categories,
    contrast,
    kolmogorov_smirnov,
    quantities,
    samples_needed,
)
from turnout.delivery.comparison.proportion import (
    Count,
    detectable,
    differs,
    excess,
    interval,
    least,
    more,
    needed,
)


def brute_more(one: Count, other: Count) -> float:
    """Every table with the same totals, in fractions."""
    hits, of = one.hits + other.hits, one.of + other.of
    chances = (
        Fraction(math.comb(hits, k) * math.comb(of - hits, one.of - k), math.comb(of, one.of))
        for k in range(one.hits, min(hits, one.of) + 1)
    )
    return float(sum(chances))


COUNTS = st.integers(0, 40).flatmap(lambda of: st.builds(Count, st.integers(0, of), st.just(of)))


@given(COUNTS, COUNTS)
def test_fishers_test_is_that_of_all_tables(one: Count, other: Count) -> None:
    assert more(one, other) == pytest.approx(brute_more(one, other), rel=1e-9)
    assert least(one, other) <= more(one, other) + 1e-12


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [
        (Count(3, 4), Count(1, 4), 17 / 70),  # Fisher's lady and her tea
        (Count(0, 10), Count(5, 10), 1.0),
        (Count(5, 5), Count(0, 5), 1 / 252),
        (Count(0, 0), Count(3, 4), 1.0),
        (Count(4, 4), Count(0, 0), 1.0),
    ],
)
def test_known_tables(one: Count, other: Count, p: float) -> None:
    assert more(one, other) == pytest.approx(p)


def test_large_counts_are_quick_and_close_to_normal() -> None:
    p = more(Count(50_600, 1_000_000), Count(50_000, 1_000_000))
    z = 0.0006 / math.sqrt(2 * 0.0503 * 0.9497 / 1e6)
    assert p == pytest.approx(0.5 * math.erfc(z / math.sqrt(2)), rel=0.02)
    assert more(Count(1_000_000, 1_000_000), Count(0, 1_000_000)) < 1e-300


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (Count(0, 10), 0.0, 0.2775),
        (Count(10, 10), 0.7225, 1.0),
        (Count(5, 100), 0.0215, 0.1118),
        (Count(0, 0), 0.0, 1.0),
    ],
)
def test_wilsons_interval(count: Count, low: float, high: float) -> None:
    assert interval(count) == pytest.approx((low, high), abs=1e-4)


def test_newcombes_interval_of_a_difference() -> None:
    """From the paper's table II, method 10: 56/70 against 48/80, and 10/10 against 0/10."""
    assert excess(Count(56, 70), Count(48, 80)) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert excess(Count(10, 10), Count(0, 10)) == pytest.approx((0.6075, 1.0), abs=1e-4)


@pytest.mark.parametrize(
    ("share", "noise", "ratio"), [(0.05, 0.0, 0.5), (0.05, 0.0, 0.25), (0.9, 0.7, 1.0), (0.02, 0.01, 1.0)]
)
def test_so_many_pairs_are_needed_and_do(share: float, noise: float, ratio: float) -> None:
    """Simulated: as often as promised, give or take."""
    pairs = needed(share, noise, ratio, 0.001, 0.8)
    assert pairs is not None
    random, copies = Random(1), round(pairs * ratio)
    seen = sum(
        more(
            Count(sum(random.random() < share for _ in range(pairs)), pairs),
            Count(sum(random.random() < noise for _ in range(copies)), copies),
        )
        <= 0.001
        for _ in range(100 if pairs < 2_000 else 20)
    )
    assert 0.65 <= seen / (100 if pairs < 2_000 else 20) <= 1.0


def test_what_cannot_be_seen_needs_no_number() -> None:
    assert needed(0.1, 0.1, 1.0, 0.01, 0.8) is None
    assert needed(0.1, 0.2, 1.0, 0.01, 0.8) is None
    assert needed(0.100001, 0.1, 1.0, 0.01, 0.8) is None
    assert needed(0.1, 0.0, 0.0, 0.01, 0.8) is None


def test_what_would_have_been_found_shrinks_with_more_pairs() -> None:
    found = [detectable(pairs, pairs // 2, 0.001, 0.8) for pairs in (4, 100, 1_000, 10_000)]
    assert found[0] is None
    assert found[1:] == sorted(found[1:], key=lambda share: -(share or 0))
    assert (found[3] or 1) < 0.003
    assert detectable(0, 0, 0.05, 0.8) is None


def brute_ks(distance: Fraction, n: int, m: int) -> float:
    """Every order in which the samples may be mixed."""
    orders = list(combinations(range(n + m), n))
    far = 0
    for chosen in orders:
        i = j = 0
        farthest = Fraction(0)
        for position in range(n + m):
            i, j = (i + 1, j) if position in chosen else (i, j + 1)
            farthest = max(farthest, abs(Fraction(i, n) - Fraction(j, m)))
        far += farthest >= distance
    return far / len(orders)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (4, 6), (2, 9)])
def test_kolmogorov_smirnov_is_that_of_all_orders(n: int, m: int) -> None:
    for steps in range(1, n * m + 1):
        exact = brute_ks(Fraction(steps, n * m), n, m)
        assert kolmogorov_smirnov(steps / (n * m), n, m) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("distance", [0.1, 0.2, 0.3])
def test_for_large_samples_the_bound_is_on_the_safe_side_and_close(distance: float) -> None:
    exact, bound = kolmogorov_smirnov(distance, 100, 100), kolmogorov_smirnov(distance, 100, 101)
    assert exact <= bound <= 1.6 * exact + 0.2


def test_numbers_are_compared_as_distributions() -> None:
    random = Random(1)
    same = quantities(Counter(random.random() for _ in range(200)), Counter(random.random() for _ in range(200)))
    moved = quantities(Counter(random.random() + 0.3 for _ in range(200)), Counter(random.random() for _ in range(200)))
    assert same.p > 0.05
    assert moved.p < 1e-6
    assert moved.size == pytest.approx(0.3, abs=0.1)
    assert moved.least <= moved.p


def test_categories_tell_which_value_it_is() -> None:
    found = categories(Counter(ok=80, error=20), Counter(ok=100))
    assert found.words in ("error: 20.0% against 0.0%", "ok: 80.0% against 100.0%")
    assert found.p < 1e-4
    assert categories(Counter(a=50, b=50), Counter(a=52, b=48)).p == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("one", "other", "moved"),
    [
        (["a"] * 50, ["a"] * 50, False),
        (["a"] * 50, ["b"] * 50, True),
        ([1.0] * 50, [2.0] * 50, True),
        (["12", "13"] * 30, ["112", "113"] * 30, True),
        ([f"{i}" for i in range(100)], [f"{i}" for i in range(100, 200)], True),
        ([f"x{i:03}" for i in range(100)], [f"x{i:03}" for i in range(100, 200)], False),
        ([f"x{i:03}" for i in range(100)], [f"x{i:06}" for i in range(100)], True),
        ([1.0, "n/a"] * 30, [1.0] * 60, True),
        (["true"], ["false"], False),
    ],
)
def test_values_of_all_sorts(one: list[float | str], other: list[float | str], moved: bool) -> None:
    found = contrast(one, other)
    assert found is not None
    assert (found.p < 0.001) is moved
    assert found.least <= found.p * (1 + 1e-9)


def test_nothing_has_no_distribution() -> None:
    assert contrast([], [1.0]) is None
    assert contrast([1.0], []) is None


def test_a_distributions_p_is_true_to_its_word() -> None:
    """Of samples of one distribution at most as many fall below a level as it says, ties or none."""
    random = Random(7)
    draws = (
        random.random,
        lambda: float(random.randint(1, 6)),
        lambda: random.choice("abcdefgh"),
        lambda: f"{random.random():g}",
    )
    for draw in draws:
        ps = [contrast([draw() for _ in range(30)], [draw() for _ in range(20)]) for _ in range(400)]
        for level in (0.2, 0.05, 0.01):
            share = sum(found is not None and found.p <= level for found in ps) / len(ps)
            assert share <= level + 3 * math.sqrt(level / len(ps))


def test_so_many_values_are_needed_and_do() -> None:
    count = samples_needed(0.3, 1.0, 0.001, 0.8, 500)
    assert count is not None
    random = Random(3)
    seen = 0
    for _ in range(60):
        one, other = ([random.random() + shift for _ in range(count)] for shift in (0.3, 0.0))
        found = contrast(one, other)
        seen += found is not None and found.p <= 0.001
    assert seen >= 45
    assert samples_needed(0.3, 0.25, 0.001, 0.8, 500) > count  # type: ignore[operator] # a number: they are enough
    assert samples_needed(0.01, 1.0, 0.001, 0.8, 500) is None


def test_benjamini_and_hochbergs_own_example() -> None:
    """Their paper's 15 p-values: at 5 %, four are discoveries."""
    ps = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    found = adjusted([Test(p, 0.0) for p in ps], 0.05)
    assert sum(p <= 0.05 for p in found) == 4
    assert found[3] == pytest.approx(0.0095 * 15 / 4)


def test_what_can_never_be_a_discovery_does_not_make_it_harder_for_others() -> None:
    tests = [Test(0.02, 0.0001), *[Test(0.5, 0.5)] * 100]
    assert adjusted(tests, 0.05) == [0.02, *[1.0] * 100]
    assert adjusted([], 0.05) == []
    assert adjusted([Test(1.0, 1.0)], 0.05) == [1.0]


@given(st.lists(st.builds(lambda p, share: Test(p, p * share), st.floats(0, 1), st.floats(0, 1)), max_size=20))
def test_adjusted_ps_keep_their_order_and_never_fall(tests: list[Test]) -> None:
    found = adjusted(tests, 0.05)
    assert all(1 >= after >= min(1.0, test.p) - 1e-12 for test, after in zip(tests, found, strict=True))
    rejected = [test.p for test, after in zip(tests, found, strict=True) if after <= 0.05]
    assert all(p <= 0.05 for p in rejected)


def test_many_looks_spend_no_more_than_one_would() -> None:
    assert rate_at(0.05, 1) == 0.025
    assert sum(rate_at(0.05, look) for look in range(1, 10_000)) == pytest.approx(0.05, rel=1e-3)


def test_two_sided_is_twice_the_smaller_tail() -> None:
    assert differs(Count(5, 5), Count(0, 5)) == pytest.approx(2 / 252)
    assert differs(Count(2, 4), Count(2, 4)) == 1.0
