"""Findings of Turnout's own: allowed, and hardly meant."""

from __future__ import annotations

import pytest
from tests.analysis.samples import REVIEWS, routes, stock, told

from turnout.analysis.idle_weights import idle_weights
from turnout.analysis.slow_retries import slow_retries

V1, V2 = "{destination: {host: reviews, subset: v1}", "{destination: {host: reviews, subset: v2}"


def test_retries_that_do_not_fit_into_the_timeout_are_told() -> None:
    rule = f"[{{timeout: 5s, retries: {{attempts: 3, perTryTimeout: 2s}}, route: [{V1}}}]}}]"
    [line] = told(list(slow_retries(stock(routes(rule)))))
    assert line == (
        "TNO309 VirtualService default/reviews spec.http[0].retries: "
        "4 tries of 2s do not fit into the timeout of 5s: only 2 can take its time"
    )


@pytest.mark.parametrize(
    "rule",
    [
        "timeout: 8s, retries: {attempts: 3, perTryTimeout: 2s}",
        "retries: {attempts: 3, perTryTimeout: 2s}",
        "timeout: 5s, retries: {attempts: 30}",
    ],
)
def test_retries_that_fit_or_have_no_limit_are_fine(rule: str) -> None:
    assert not list(slow_retries(stock(routes(f"[{{{rule}, route: [{V1}}}]}}]"))))


def test_the_weight_of_the_only_destination_changes_nothing() -> None:
    [line] = told(list(idle_weights(stock(routes(f"[{{route: [{V1}, weight: 30}}]}}]")))))
    assert line.startswith("TNO310 VirtualService default/reviews spec.http[0].route[0].weight: the only destination")


def test_a_destination_that_is_listed_twice_is_told() -> None:
    found = told(list(idle_weights(stock(REVIEWS, routes(f"[{{route: [{V1}, weight: 30}}, {V1}, weight: 70}}]}}]")))))
    assert found[0].startswith(
        "TNO310 VirtualService default/reviews spec.http[0].route[1]: route[0] leads to the same"
    )


@pytest.mark.parametrize("route", [f"{V1}}}", f"{V1}, weight: 100}}", f"{V1}, weight: 90}}, {V2}, weight: 10}}"])
def test_weights_that_say_what_happens_are_fine(route: str) -> None:
    assert not list(idle_weights(stock(routes(f"[{{route: [{route}]}}]"))))
