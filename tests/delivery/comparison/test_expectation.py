"""The list of what may differ: read, written, honoured."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.comparison import json_path
from turnout.delivery.comparison.expectation import Accepted, Expectations, interpret, plain, text
from turnout.delivery.comparison.kind import Kind
from turnout.resources.finding import Findings


def read(data: Any) -> tuple[Expectations, list[tuple[str, tuple[str | int, ...]]]]:
    findings = Findings()
    return interpret(data, findings), [(finding.code, finding.path) for finding in findings.found]


def test_a_file() -> None:
    expectations, wrong = read(
        {
            "accept": [
                {"path": "$.endpoint_version", "kinds": ["value"], "why": "it says which one it is"},
                {"path": "headers.*", "route": "default/app *"},
            ]
        }
    )
    assert not wrong
    assert expectations.accept == (
        Accepted("$.endpoint_version", ("value",), why="it says which one it is"),
        Accepted("headers.*", route="default/app *"),
    )


@pytest.mark.parametrize("empty", [None, {}, {"accept": []}])
def test_an_empty_file_accepts_nothing(empty: Any) -> None:
    assert read(empty) == (Expectations(), [])


@pytest.mark.parametrize(
    ("data", "code", "path"),
    [
        ({"accepts": []}, "TNO012", ("accepts",)),
        ({"accept": {}}, "TNO013", ("accept",)),
        ({"accept": [{"kinds": ["value"]}]}, "TNO014", ("accept", 0)),
        ({"accept": [{"path": "$.a", "kinds": ["values"]}]}, "TNO015", ("accept", 0, "kinds", 0)),
        ({"accept": [{"path": "$.a"}, {"path": "$.a["}]}, "TNO015", ("accept", 1, "path")),
        ([], "TNO013", ()),
    ],
)
def test_mistakes_are_told_with_their_place(data: Any, code: str, path: tuple[str | int, ...]) -> None:
    _, wrong = read(data)
    assert wrong == [(code, path)]


def test_what_is_right_beside_a_mistake_is_read() -> None:
    expectations, _ = read({"accept": [{"path": "["}, {"path": "$.a"}]})
    assert expectations.accept == (Accepted("$.a"),)


@pytest.mark.parametrize(
    ("accepted", "covers"),
    [
        (Accepted("$.a"), True),
        (Accepted("$.a", ("value",)), True),
        (Accepted("$.a", ("missing",)), False),
        (Accepted("$.*"), True),
        (Accepted("$.b"), False),
        (Accepted("$.a", route="default/*"), True),
        (Accepted("$.a", route="other/*"), False),
    ],
)
def test_what_is_covered(accepted: Accepted, covers: bool) -> None:
    assert accepted.covers("default/app main", "$.a", Kind.VALUE) is covers
    assert (Expectations((accepted,)).covering("default/app main", "$.a", Kind.VALUE) is accepted) is covers


def test_a_route_without_a_name_can_be_named() -> None:
    assert Accepted("$.a", route="default/app http[0]").covers("default/app http[0]", "$.a", Kind.VALUE)
    assert not Accepted("$.a", route="default/app http[0]").covers("default/app http[1]", "$.a", Kind.VALUE)


def test_who_accepts_other_values_accepts_their_distribution_and_not_the_other_way_round() -> None:
    assert Accepted("$.a", ("value",)).covers("r", "$.a", Kind.DISTRIBUTION)
    assert not Accepted("$.a", ("missing",)).covers("r", "$.a", Kind.DISTRIBUTION)
    assert not Accepted("$.a", ("distribution",)).covers("r", "$.a", Kind.VALUE)


def test_accepting_more_keeps_the_order_of_paths_and_joins_kinds() -> None:
    expectations = Expectations((Accepted("$.b", ("value",), why="so"), Accepted("status")))
    more = expectations.accepting(Accepted("$.b", ("missing",))).accepting(Accepted("$.a"))
    assert more.accept == (Accepted("$.a"), Accepted("$.b", ("missing", "value"), why="so"), Accepted("status"))
    assert more.accepting(Accepted("$.b")).accept[1] == Accepted("$.b", why="so")
    assert more.accepting(Accepted("$.a", route="r")).accept[:2] == (Accepted("$.a"), Accepted("$.a", route="r"))


def test_the_file_is_one_to_review() -> None:
    written = text(Expectations((Accepted("$.a", ("value",), why="new"), Accepted("status", route="default/app *"))))
    assert written.endswith(
        """\
accept:
  - path: "$.a"
    kinds: ["value"]
    why: "new"
  - path: "status"
    route: "default/app *"
"""
    )
    assert written.startswith("# ")


KEYS = st.lists(st.text(min_size=1, max_size=8), min_size=1)
PATHS = KEYS.map(lambda keys: "$" + "".join(map(json_path.exact_member, keys)))
ACCEPTED = st.builds(
    Accepted,
    st.just("status") | PATHS,
    st.lists(st.sampled_from(["value", "missing", "order"]), unique=True).map(tuple),
    st.sampled_from(["*", "default/app *", 'a"b: #']),
    st.text(max_size=20).filter(str.isprintable),
)


@given(st.lists(ACCEPTED, max_size=4))
def test_what_is_written_is_read_again(accepted: list[Accepted]) -> None:
    expectations = Expectations(tuple(accepted))
    assert read(yaml.safe_load(text(expectations))) == (expectations, [])
    assert read(plain(expectations)) == (expectations, [])
