"""Comparisons as the view has them, in the words of the page; and what the form asks for."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from turnout.delivery.comparison.kind import Kind
from turnout.delivery.comparison.report import plain
from turnout.delivery.comparison.verdict import Class, Judgement, RouteJudgement, Verdict
from turnout.delivery.comparison.words import KINDS, examples
from turnout.web.compare.report import (
    CLASSES,
    VERDICTS,
    accept_command,
    accepted,
    chance,
    figures,
    known,
    lacks,
    latencies,
    listed,
    news,
    noise,
    option,
    part,
    place,
    rate,
    remarks,
    routes,
    title,
    verdict,
    what_it_is,
)
from turnout.web.compare.start import order, versions

NOW = 1_000_060.0


def counted(differing: int, pairs: int) -> dict[str, Any]:
    share = differing / pairs if pairs else 0.0
    return {"differing": differing, "pairs": pairs, "share": share, "low": share / 2, "high": min(1.0, share * 2)}


def field(path: str, name: str = "difference", kind: str = "value", **more: Any) -> dict[str, Any]:
    return {
        "path": path,
        "kind": kind,
        "class": name,
        "candidate": counted(50, 1000),
        "baseline": counted(0, 250),
        "adjusted_p": 0.0012,
        "needed_pairs": None,
        "words": "",
        "accepted_by": None,
        "examples": [],
        **more,
    }


def route(name: str = "main", *fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "route": name,
        "copies": {"candidate": 1012, "baseline": 250},
        "pairs": 1000,
        "baseline_pairs": 250,
        "detectable_share": 0.021,
        "sure": True,
        "lacks": [],
        "latency_ms": {},
        "fields": list(fields),
        **more,
    }


def view(*found: dict[str, Any], said: str = "unsure", **more: Any) -> dict[str, Any]:
    report = {"routes": list(found), "dropped": {}, "unused_expectations": []}
    line = {"report": report, "verdict": said, "settled": False, "pairs": {"candidate": 1000, "baseline": 250}}
    return {
        "running": True,
        "id": "7",
        "service": "reviews.default.svc.cluster.local",
        "namespace": "default",
        "from": "v1",
        "to": "v2",
        "by": "compare",
        "sample": "1/16",
        "methods": ["GET", "HEAD"],
        "started": NOW - 60,
        "ends": NOW + 240,
        "ended": None,
        "why": "",
        "until_sure": False,
        "report": {**line, "unpaired": 3, "dropped": 0, "problem": None},
        **more,
    }


# --- the whole


def test_there_are_words_for_all_that_a_report_may_say() -> None:
    assert set(KINDS) == {kind.value for kind in Kind}
    assert set(VERDICTS) == {each.value for each in Verdict}
    assert list(CLASSES) == [each.value for each in Class][: len(CLASSES)]


def test_what_the_judgement_says_of_itself_is_what_is_read_here() -> None:
    empty = RouteJudgement("main", {"candidate": 1}, 1, 0, [], None, True, False, {}, {"stable": (1.0, 2.0, 3.0)})
    report = plain(Judgement(Verdict.UNSURE, [empty], 0, 0.05, {"fields": 2}, []))
    (found,) = routes(view() | {"report": {"report": report, "verdict": "unsure"}})
    assert known(found, view()).endswith("Too few to find anything yet.")
    assert list(latencies(found, view())) == [("v1 to users", "1.00 ms", "2.00 ms", "3.00 ms")]
    assert next(remarks(view() | {"report": {"report": report}})).startswith("2 fields were counted only")


def test_the_verdict_is_said_in_a_sentence_about_the_versions() -> None:
    said = verdict(view(route(), said="regression"))
    assert (said.called, said.tone, said.words) == ("regression", "bad", "v2 breaks something that v1 does.")


def test_nothing_compared_is_never_no_difference() -> None:
    assert verdict(view(said="same")).words == "Waiting for the first answers…"
    assert "no answers came" in verdict(view(running=False)).words
    assert "no answers came" in verdict(view(running=False, report=None)).words


def test_which_comparison_it_is_and_how_far() -> None:
    assert title(view()) == "reviews: v2 beside v1"
    assert what_it_is(view(), NOW) == "1/16 of GET, HEAD; 1 min of 5 min"
    assert part(view(), NOW) == pytest.approx(0.2)
    ended = view(running=False, ended=NOW - 30, why="its time is over", sample="all")
    assert what_it_is(ended, NOW) == "all GET, HEAD; 30 s; its time is over"
    assert part(ended, NOW) is None
    assert option(ended).startswith("7: reviews v1, v2, ")
    assert news(ended) == "ended, not sure yet"


def test_a_sample_that_is_more_than_can_be_compared_is_said() -> None:
    crowded = view() | {"report": {**view()["report"], "share": 0.25}}
    assert list(remarks(crowded)) == ["More requests come than can be compared: 25 % of the sample is."]
    assert list(remarks(view())) == []


def test_what_was_not_compared_is_counted() -> None:
    assert dict(figures(view())) == {
        "Pairs so far": "1 000",
        "Stable with itself": "250",
        "Without a counterpart": "3",
        "Dropped": "0",
    }
    left_out = route(lacks=[{"side": "candidate", "reason": "no answer", "count": 12}])
    assert lacks(left_out, view()) == ["12 of 1 012 copies for v2 were not compared: no answer."]


# --- findings


def test_the_worst_comes_first_and_stays_while_chances_move() -> None:
    worst = route("b", field("$.x"), field("$.y", "regression"), field("$.z"), field("$.n", "noise"))
    assert [each["path"] for each in listed(worst)] == ["$.y", "$.x", "$.z"]
    moved = route("b", field("$.z"), field("$.new"), field("$.x"), field("$.y", "regression"))
    assert [e["path"] for e in listed(moved, [place(f) for f in listed(worst)])] == ["$.y", "$.x", "$.z", "$.new"]
    assert [each["route"] for each in routes(view(route("a", field("$.n", "noise")), worst))] == ["b", "a"]


def test_a_rate_is_said_with_its_interval() -> None:
    assert rate(counted(50, 1000)) == "5 % (2.5 to 10 %) of 1 000"
    assert rate(counted(0, 0)) == "none compared"


def test_chance_is_said_of_what_is_reported_and_need_of_what_is_not_clear() -> None:
    assert chance(field("$.x")).startswith("By chance alone: p = 0.001")
    assert "p < 1e-9" in chance(field("$.x", adjusted_p=1e-30))
    assert chance(field("$.x", "unclear", needed_pairs=1800)) == "About 1 800 pairs would tell."
    assert chance(field("$.x", "unclear")) == ""


def test_noise_and_what_is_accepted_stand_apart() -> None:
    known_fields = route("main", field("$.n", "noise"), field("$.v", "accepted", accepted_by={"why": "its own"}))
    assert [row[0] for row in noise(known_fields)] == ["$.n"]
    assert [(row[0], row[3]) for row in accepted(known_fields)] == [("$.v", "its own")]


def test_examples_that_tell_the_same_are_one() -> None:
    one = {"key": "a", "request": "GET /", "at": "$.x", "stable": "1", "candidate": None}
    assert [each["key"] for each in examples(field("$.x", examples=[one, {**one, "key": "b"}]))] == ["a"]


def test_the_command_that_accepts_a_finding_can_be_pasted() -> None:
    command = accept_command(field("$.a[*]['b c']", kind="missing"), route("http[0]"))
    assert shlex.split(command) == [
        *("turnout", "compare", "accept", "$.a[*]['b c']"),
        *("--kind", "missing", "--route", "http[0]"),
    ]


# --- the form


def service(name: str, *subsets: str, **weights: str) -> dict[str, Any]:
    routes = [{"weights": weights}] if weights else []
    return {"namespace": "default", "name": name, "versions": [{"subset": s} for s in subsets], "routes": routes}


def test_services_with_several_versions_can_be_compared_the_one_with_traffic_first() -> None:
    services = [service("a", "v1", "v2", v1="10", v2="90"), service("b", ""), service("c", "v1")]
    assert versions({"services": services}) == {"default/a": ["v2", "v1"]}


def test_the_form_asks_for_what_was_chosen() -> None:
    asked = order("shop/reviews", "v1", "v2", "1/16", "300")
    assert (asked["namespace"], asked["service"], asked["seconds"], asked["until_sure"]) == (
        "shop",
        "reviews",
        300,
        False,
    )
    sure = order("shop/reviews", "v1", "v2", "all", "sure")
    assert (sure["seconds"], sure["until_sure"]) == (3600, True)
