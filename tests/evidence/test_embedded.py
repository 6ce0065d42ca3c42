from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from turnout.delivery.evidence import Counts, Stream
from turnout.delivery.guard import Guard
from turnout.delivery.steering import Versions
from turnout.error import ApiError
from turnout.evidence.embedded import Embedded
from turnout.evidence.question import Asked, Query, Question

HOST = "app.default.svc.cluster.local"
ERRORS = Asked(Guard("errors", "errors", 0.01))
COUNTED: Mapping[str, Any] = {
    "epoch": "e1",
    "requests": [
        ["main", "v1", False, "200", 900],
        ["main", "v1", False, "503", 5],
        ["main", "v1", False, "404", 7],
        ["main", "v2", False, "200", 80],
        ["main", "v2", False, "0", 2],
        ["main-mirror", "v1", False, "200", 500],
        ["", "v2", True, "200", 480],
        ["", "v2", True, "500", 10],
        ["", "v1", True, "200", 125],
        ["other", "v1", False, "200", 10_000],
    ],
    "durations": [
        ["main", "v1", False, [[1000, 100, 90], [5000, 500, 10]]],
        ["other", "v1", False, [[9000, 500, 10]]],
        ["main", "v2", False, [[1000, 100, 5], [5000, 500, 5]]],
        ["", "v2", True, [[5000, 500, 30]]],
        ["", "v1", True, [[1000, 100, 20]]],
    ],
    "ready": {"v1": 2, "v2": 0},
    "versions": {"v1": "one", "v2": "two"},
}


class Api:
    """Answers as the views do."""

    def __init__(self, counted: Mapping[str, Any] = COUNTED) -> None:
        self.counted = counted
        self.queries: list[str] = []

    def view(self, name: str, **query: str) -> Any:
        if name == "counts":
            assert query["service"] == HOST
            return self.counted
        self.queries.append(query["query"])
        if "broken" in query["query"]:
            raise ApiError(400, "BadRequest", "broken is not the sum of a counter")
        return {"value": 7.0 if "bad" in query["query"] else 70.0}


def look(*asked: Asked, copies: bool = False, route: str | None = None, api: Api | None = None) -> Any:
    source = Embedded(api or Api())  # type: ignore[arg-type] # the two views are all it asks
    return source.look(Question(Versions(HOST, "v1", "v2", route), copies, asked, "3")), source


def test_real_requests_are_counted_by_version_and_all_of_them_tell_the_split() -> None:
    seen, _ = look(ERRORS)
    assert seen.guards["errors"] == Counts(Stream(2, 82), Stream(5, 11_412))
    assert (seen.candidate, seen.total) == (82, 11_494)
    assert (seen.candidate_ready, seen.stable_ready) == (False, True)


def test_a_route_goes_by_one_name_with_its_rules_and_no_other_is_counted() -> None:
    seen, _ = look(ERRORS, route="main")
    assert seen.guards["errors"] == Counts(Stream(2, 82), Stream(5, 1412))


def test_copies_are_compared_with_copies_and_told_by_the_rule_that_copies() -> None:
    slow = Asked(Guard("slow", "slow", 0.05, 0.9), limit=5000.0)
    seen, _ = look(ERRORS, slow, copies=True)
    assert seen.guards["errors"] == Counts(Stream(10, 490), Stream(0, 125))
    assert seen.guards["slow"] == Counts(Stream(30, 30), Stream(0, 20))
    assert (seen.candidate, seen.total) == (490, 500)


def test_without_copies_for_stable_its_answers_to_users_are_the_measure() -> None:
    rows = [row for row in COUNTED["requests"] if row[:3] != ["", "v1", True]]
    seen, _ = look(ERRORS, copies=True, route="main", api=Api({**COUNTED, "requests": rows}))
    assert seen.guards["errors"].stable == Stream(5, 1412)


@pytest.mark.parametrize(("code", "bad"), [("4xx", 12), ("404", 12), ("429", 5)])
def test_what_counts_as_an_error_can_be_widened(code: str, bad: int) -> None:
    seen, _ = look(Asked(ERRORS.guard, codes=(code,)), route="main")
    assert seen.guards["errors"].stable.bad == bad


def test_slow_is_not_counted_before_there_is_a_limit() -> None:
    seen, _ = look(Asked(Guard("slow", "slow", 0.05, 0.9)))
    assert seen.guards == {}


def test_each_step_counts_from_its_own_beginning() -> None:
    seen, _ = look()
    assert seen.epoch == "e1/3"


def test_stables_durations_are_those_of_real_requests_on_the_route() -> None:
    source = Embedded(Api())  # type: ignore[arg-type] # the two views are all it asks
    assert source.durations(Versions(HOST, "v1", "v2", "main")) == {(1000, 100): 90, (5000, 500): 10}


def test_a_query_is_asked_of_each_version_under_its_own_name() -> None:
    api = Api()
    query = Query('bad{v="$version",n="$namespace"}', 'all{v="$subset",s="$service",$other}')
    seen, source = look(Asked(Guard("mine", "query", 0.01), query=query), api=api)
    assert seen.guards["mine"] == Counts(Stream(7, 70), Stream(7, 70))
    assert api.queries[:2] == ['bad{v="two",n="default"}', 'all{v="v2",s="app",$other}']
    assert source.problems == []


def test_a_query_that_cannot_be_answered_leaves_the_other_guards_alone() -> None:
    seen, source = look(ERRORS, Asked(Guard("mine", "query", 0.01), query=Query("broken", "all")))
    assert list(seen.guards) == ["errors"]
    assert source.problems == ["mine: broken is not the sum of a counter"]
