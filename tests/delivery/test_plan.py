"""Plans that can be carried out, what each step asks for, and who judges it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from turnout.delivery.guard import Guard
from turnout.delivery.plan import STABLE, Plan, Routing, Stage, guards, routing, unfit, wanted, weights

ERRORS = Guard("errors", "errors", 0.01)
SLOW = Guard("p99", "slow", 0.01, 0.99)
DIFFERENCES = Guard("answers", "regressions", 0.001)


def weight(percent: str) -> Stage:
    return Stage("weight", Decimal(percent))


PLAN = Plan(
    (
        Stage("compare", Decimal("6.25")),
        Stage("mirror", Decimal(50)),
        Stage("users", users="headers[x-tester]"),
        weight("0.1"),
        Stage("pause"),
        weight("25"),
    ),
    (ERRORS, SLOW, DIFFERENCES),
)


def test_a_plan_with_everything_is_fit() -> None:
    assert unfit(PLAN) is None


def test_each_step_asks_for_its_routing_and_the_last_one_is_the_promotion() -> None:
    assert [routing(PLAN, index) for index in range(len(PLAN.steps))] == [
        Routing(mirror_percent=Decimal("6.25"), compare=True),
        Routing(mirror_percent=Decimal(50)),
        Routing(users="headers[x-tester]"),
        Routing(999, 1),
        Routing(999, 1),
        Routing(75, 25),
        Routing(0, 100),
    ]


def test_a_plan_that_ends_with_all_traffic_has_its_own_promotion() -> None:
    end = Stage("weight", min_seconds=300.0)
    plan = Plan((weight("10"), end), (ERRORS,))

    assert plan.steps == (weight("10"), end)
    assert unfit(plan) is None


def test_a_pause_before_anything_else_leaves_all_as_it_is() -> None:
    plan = Plan((Stage("pause"), weight("10")), (ERRORS,))

    assert (routing(plan, 0), guards(plan, 0), wanted(plan, 0)) == (STABLE, (), None)


def test_each_step_is_judged_by_the_guards_that_see_something_of_it() -> None:
    assert [guards(PLAN, index) for index in range(len(PLAN.steps))] == [
        (DIFFERENCES,),
        (ERRORS, SLOW),
        (ERRORS, SLOW),
        (ERRORS, SLOW),
        (ERRORS, SLOW),
        (ERRORS, SLOW),
        (),
    ]


def test_the_split_is_told_by_weights_and_copies_but_not_by_users() -> None:
    told = [wanted(PLAN, index) for index in range(len(PLAN.steps))]

    assert [split and split.share for split in told] == [1.0, 0.5, None, 0.001, 0.001, 0.25, 1.0]


def test_false_alarms_are_divided_among_guards_and_false_promotions_are_not() -> None:
    assert PLAN.levels(ERRORS).worse == pytest.approx(0.05 / 3)
    assert PLAN.levels(ERRORS).fine == 0.05

    favoured = Plan((weight("1"),), (replace(ERRORS, part=3.0), SLOW), alpha=0.04)
    assert favoured.levels(favoured.guards[0]).worse == pytest.approx(0.03)


@pytest.mark.parametrize(("percent", "total"), [("1", 100), ("0.1", 1000), ("99.9", 1000), ("100", 100), ("5.0", 100)])
def test_weights_total_100_or_1000_where_a_step_needs_tenths(percent: str, total: int) -> None:
    found = weights(Decimal(percent))

    assert found.stable + found.candidate == total
    assert Decimal(found.candidate) / total == Decimal(percent) / 100


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan((), (ERRORS,)), "nothing is judged before all traffic moves"),
        (Plan((weight("100"),), (ERRORS,)), "nothing is judged before all traffic moves"),
        (Plan((Stage("pause"),), (ERRORS,)), "nothing is judged before all traffic moves"),
        (Plan((weight("5"), weight("1")), (ERRORS,)), "weight 1 % follows 5 %"),
        (Plan((weight("5"), weight("5")), (ERRORS,)), "weight 5 % follows 5 %"),
        (Plan((weight("0"),), (ERRORS,)), "weight 0 % follows 0 %"),
        (Plan((weight("0.05"),), (ERRORS,)), "weight 0.05 % follows 0 %"),
        (Plan((weight("101"),), (ERRORS,)), "weight 101 % follows 0 %"),
        (Plan((weight("1"),), ()), "nobody judges weight 1 %"),
        (Plan((weight("1"),), (DIFFERENCES,)), "nobody judges weight 1 %"),
        (Plan((Stage("compare"), weight("1")), (ERRORS,)), "nobody judges compare"),
        (Plan((Stage("users"), weight("1")), (ERRORS,)), "a step for a group of users does not say who"),
        (Plan((Stage("mirror", Decimal(0)), weight("1")), (ERRORS,)), "mirror 0 % of 0 %"),
        (Plan((weight("1"),), (ERRORS, ERRORS)), "two guards have the same name"),
        (Plan((weight("1"),), (replace(ERRORS, tolerance=0.0),)), "errors tolerates an increase of 0"),
        (Plan((weight("1"),), (replace(ERRORS, tolerance=1.0),)), "errors tolerates an increase of 1"),
        (Plan((weight("1"),), (replace(ERRORS, part=0.0),)), "errors gets 0 of the false alarms"),
        (Plan((weight("1"),), (replace(SLOW, quantile=None),)), "p99 has the quantile None"),
        (Plan((weight("1"),), (replace(ERRORS, quantile=0.5),)), "errors has the quantile 0.5"),
        (Plan((weight("1"),), (ERRORS,), alpha=0.0), "a chance of 0 for a false alarm"),
        (
            Plan((Stage("weight", Decimal(1), min_seconds=90.0, max_seconds=60.0),), (ERRORS,)),
            "weight 1 % takes 90 s at least",
        ),
    ],
)
def test_what_cannot_be_carried_out_is_refused(plan: Plan, message: str) -> None:
    refusal = unfit(plan)

    assert refusal is not None
    assert refusal.message == message
    assert refusal.hint
