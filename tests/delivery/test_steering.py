"""What a rollout asks for, put into VirtualServices and read back; nothing else in them moves."""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery import plan
from turnout.delivery.edit import Edit, Refusal, route_of
from turnout.delivery.mirroring import mirror, off
from turnout.delivery.plan import STABLE, Routing
from turnout.delivery.sample import PARTS, Sample
from turnout.delivery.steering import Versions, in_force, steer, strange, subsets, written
from turnout.delivery.weights import shift, spread
from turnout.resources.sticky import ANNOTATION

HOST = "app.default.svc.cluster.local"
VERSIONS = Versions(HOST, "v1", "v2")
CANDIDATE = Routing(0, 100)
BETA = json.dumps({"headers": {"x-group": {"exact": "beta"}}}, separators=(",", ":"))

Object = dict[str, Any]


def virtual_service(*routes: Object, name: str = "app", **metadata: Any) -> Object:
    meta = {"name": name, "namespace": "default", "resourceVersion": "7", **metadata}
    return {"metadata": meta, "spec": {"hosts": ["app"], "gateways": ["main"], "http": list(routes)}}


def route(weights: dict[str, int], name: str = "main", **extra: Any) -> Object:
    choices = [{"destination": {"host": "app", "subset": s}, "weight": w} for s, w in weights.items()]
    return {"name": name, "route": choices, **extra}


def single(subset: str | None = "v1", **extra: Any) -> Object:
    destination = {"host": "app", "port": {"number": 80}, **({"subset": subset} if subset else {})}
    return {"name": "main", "route": [{"destination": destination}], **extra}


def after(before: list[Object], edits: list[Edit] | Refusal) -> list[Object]:
    assert not isinstance(edits, Refusal), edits
    found = {each["metadata"]["name"]: deepcopy(each) for each in before}
    assert len({edit.name for edit in edits}) == len(edits), "one edit for each VirtualService"
    for edit in edits:
        found[edit.name] = jsonpatch.apply_patch(found[edit.name], list(edit.operations))
    return list(found.values())


def steered(before: list[Object], routing: Routing, **how: Any) -> list[Object]:
    return after(before, steer(before, VERSIONS, routing, **how))


def rules(virtual_services: list[Object]) -> list[str]:
    return [rule.get("name", "") for each in virtual_services for rule in each["spec"]["http"]]


# --- what is in force is what was asked for

SETTINGS: list[Object] = [
    {"timeout": "2s"},
    {"retries": {"attempts": 3, "perTryTimeout": "1s"}},
    {"fault": {"abort": {"httpStatus": 500, "percentage": {"value": 1}}}},
    {"rewrite": {"uri": "/x"}},
    {"headers": {"request": {"set": {"x-a": "b"}}}},
    {"corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}]}},
    {"mirror": {"host": "app", "subset": "v3"}, "mirrorPercentage": {"value": 5}},
    {"mirrors": [{"destination": {"host": "log"}}, {"destination": {"host": "app", "subset": "v1"}}]},
]
MATCHES: list[Any] = [
    None,
    {"uri": {"prefix": "/a"}},
    {"headers": {"x-user": {"exact": "ada"}}},
    {"method": {"exact": "GET"}, "withoutHeaders": {"x-b": {}}},
    {"method": {"exact": "POST"}},
    {"method": {"regex": "GET|PUT"}, "queryParams": {"q": {"exact": "1"}}},
]


@st.composite
def serving_routes(draw: st.DrawFn) -> Object:
    """One that serves v1, in any form that people write."""
    found: Object = draw(
        st.sampled_from(
            [
                single(),
                single(None),
                route({"v1": 100, "v2": 0}),
                route({"v2": 3, "v1": 7}),
                route({"v3": 0, "v1": 1}),
                route({"v1": 5, "v2": 995}),
            ]
        )
    )
    for setting in draw(st.lists(st.sampled_from(SETTINGS), max_size=2)):
        if not ("mirrors" in setting and "mirror" in found) and not ("mirror" in setting and "mirrors" in found):
            found = {**found, **setting}
    matches = draw(st.lists(st.sampled_from(MATCHES), max_size=3))
    return {**found, "name": draw(st.sampled_from(["", "main", "a"])), **({"match": matches} if matches else {})}


OTHERS = [
    {"name": "jason", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "route": single("v2")["route"]},
    {"name": "old", "redirect": {"uri": "/new"}},
    {"name": "other", "route": [{"destination": {"host": "other"}}]},
]


@st.composite
def meshes(draw: st.DrawFn) -> list[Object]:
    found = []
    for name in ("app", "edge")[: draw(st.integers(1, 2))]:
        http = [draw(serving_routes()) for _ in range(draw(st.integers(1, 2)))]
        http = [{**each, "name": each["name"] and f"{each['name']}{at}"} for at, each in enumerate(http)]
        for other in draw(st.lists(st.sampled_from(OTHERS), max_size=2, unique_by=lambda each: str(each["name"]))):
            http.insert(draw(st.integers(0, len(http))), other)
        found.append(virtual_service(*http, name=name))
    return found


PERCENTS = st.integers(1, 1000).map(lambda tenths: Decimal(tenths) / 10)
WEIGHTS = st.integers(0, 1000).map(lambda tenths: plan.weights(Decimal(tenths) / 10))
GROUPS = st.sampled_from(["", BETA, json.dumps({"headers": {"cookie": {"regex": ".*beta.*"}, "x-g": {}}})])


@st.composite
def routings(draw: st.DrawFn) -> Routing:
    weights = draw(WEIGHTS)
    percent = draw(st.just(Decimal(0)) | PERCENTS)
    compare = bool(percent) and draw(st.booleans())
    return Routing(weights.stable, weights.candidate, percent, draw(GROUPS), compare)


@given(meshes(), st.lists(routings(), min_size=1, max_size=3))
def test_what_is_steered_is_in_force(before: list[Object], wanted: list[Routing]) -> None:
    live = before
    for routing in wanted:
        edits = steer(live, VERSIONS, routing, methods=["GET", "HEAD", "POST"])
        live = after(live, edits)
        assert in_force(live, VERSIONS) == written(routing), strange(live, VERSIONS)
        assert steer(live, VERSIONS, routing, methods=["GET", "HEAD", "POST"]) == []


@given(meshes(), st.lists(routings(), max_size=3), st.sampled_from([STABLE, CANDIDATE]))
def test_at_either_end_no_rule_for_a_part_is_left(before: list[Object], way: list[Routing], end: Routing) -> None:
    live = before
    for routing in [*way, end]:
        live = steered(live, routing, methods=["GET", "POST"])
    assert rules(live) == rules(before)


@given(meshes(), st.lists(routings(), max_size=2))
def test_all_else_stays_as_it_is(before: list[Object], way: list[Routing]) -> None:
    live = before
    for routing in [*way, STABLE]:
        live = steered(live, routing, methods=["GET", "POST"])
    for was, now in zip(before, live, strict=True):
        assert now["metadata"] == was["metadata"]
        for old, new in zip(was["spec"]["http"], now["spec"]["http"], strict=True):
            assert {k: v for k, v in new.items() if k != "route"} == {k: v for k, v in old.items() if k != "route"}
            if old in OTHERS:
                assert new == old


@given(meshes(), routings())
def test_weights_total_100_or_1000_in_every_rule_that_serves_both(before: list[Object], routing: Routing) -> None:
    for each in steered(before, routing, methods=["GET", "POST"]):
        for rule in each["spec"]["http"]:
            weights = {c["destination"].get("subset"): c.get("weight", 0) for c in rule.get("route", ())}
            if {"v1", "v2"} <= weights.keys():
                assert sum(weights.values()) in {100, 1000}
                assert (weights["v1"], weights["v2"]) == (written(routing).stable, written(routing).candidate)


@given(meshes(), routings())
def test_rules_for_a_part_do_as_their_route_does(before: list[Object], routing: Routing) -> None:
    for each in steered(before, routing, methods=["GET", "POST"]):
        http = each["spec"]["http"]
        for at, rule in enumerate(http):
            own = http[route_of(http, at)]
            apart = {"name", "match", "route", "mirror", "mirrors", "mirrorPercentage"}
            assert {k: v for k, v in rule.items() if k not in apart} == {k: v for k, v in own.items() if k not in apart}


@given(st.integers(1, PARTS).map(Sample))
def test_a_comparison_of_a_whole_number_of_parts_is_read_as_it_was_asked_for(wanted: Sample) -> None:
    routing = Routing(mirror_percent=wanted.percent, compare=True)
    assert in_force(steered([virtual_service(single())], routing), VERSIONS) == routing


# --- the rules themselves


def test_a_single_destination_gets_the_candidate_beside_it() -> None:
    for before in (single(), single(None)):
        (live,) = steered([virtual_service(before)], plan.weights(Decimal("0.1")))
        assert live["spec"]["http"] == [
            {
                "name": "main",
                "route": [
                    {"destination": {"host": "app", "port": {"number": 80}, "subset": "v1"}, "weight": 999},
                    {"destination": {"host": "app", "port": {"number": 80}, "subset": "v2"}, "weight": 1},
                ],
            }
        ]


def test_a_group_of_users_stands_before_copies_and_these_before_the_route() -> None:
    before = [virtual_service(single(match=[{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}]))]
    (live,) = steered(before, Routing(90, 10, Decimal(50), BETA))
    users, copied, _ = live["spec"]["http"]
    assert rules([live]) == ["main-users", "main-mirror", "main"]
    assert [(m["uri"]["prefix"], m["headers"]) for m in users["match"]] == [
        (prefix, {"x-group": {"exact": "beta"}}) for prefix in ("/a", "/b")
    ]
    assert [(c["destination"]["subset"], c["weight"]) for c in users["route"]] == [("v2", 100)]
    assert [m["method"]["exact"] for m in copied["match"]] == ["GET", "HEAD", "GET", "HEAD"]
    to = [(m["destination"]["subset"], m["percentage"]["value"]) for m in copied["mirrors"]]
    assert to == [("v2", 50), ("v1", 12.5)], "stable answers some of them twice: copies are compared with copies"
    assert "mirrorPercentage" not in copied


def test_a_comparison_copies_a_sample_to_the_candidate_and_a_part_of_it_to_stable_again() -> None:
    (live,) = steered([virtual_service(single())], Routing(mirror_percent=Decimal("6.25"), compare=True))
    copied = live["spec"]["http"][0]
    assert [m["headers"]["x-turnout-id"]["regex"] for m in copied["match"]] == ["(?:0[0-9a-f]).*"] * 2
    assert [(m["destination"]["subset"], m["percentage"]["value"]) for m in copied["mirrors"]] == [
        ("v2", 100),
        ("v1", 25),
    ]


def test_a_mirror_that_the_route_has_itself_goes_on_beside_that_of_the_rollout() -> None:
    own: Object = {"mirror": {"host": "app", "subset": "v3"}, "mirrorPercentage": {"value": 5}}
    (live,) = steered([virtual_service(single(**own))], Routing(mirror_percent=Decimal(50)))
    copied, main = live["spec"]["http"]
    assert "mirror" not in copied
    assert [(m["destination"]["subset"], m["percentage"]["value"]) for m in copied["mirrors"]] == [
        ("v2", 50),
        ("v1", 12.5),
        ("v3", 5),
    ]
    assert {key: main[key] for key in own} == own


def test_a_rule_that_copies_elsewhere_stays_and_only_its_weights_follow() -> None:
    before = virtual_service(single())
    (before,) = after([before], mirror([before], HOST, "v3", methods=["GET"]))
    (live,) = steered([before], Routing(90, 10))
    copied, main = live["spec"]["http"]
    assert copied["mirror"] == before["spec"]["http"][0]["mirror"]
    assert copied["route"] == main["route"]
    assert in_force([live], VERSIONS) == Routing(90, 10)


def test_a_route_for_the_candidate_alone_is_somebodys_own() -> None:
    before = [virtual_service(single("v2", name="jason"), single())]
    (live,) = steered(before, Routing(50, 50))
    assert live["spec"]["http"][0] == before[0]["spec"]["http"][0]


def test_where_a_route_lists_both_versions_those_that_list_stable_alone_stay_its_own() -> None:
    before = [virtual_service(route({"v2": 0, "v1": 100}, name="numbers"), single(name="rest"))]
    live = steered(before, Routing(90, 10, Decimal(10)))
    assert rules(live) == ["numbers-mirror", "numbers", "rest"]
    assert live[0]["spec"]["http"][-1] == before[0]["spec"]["http"][-1]


def test_a_route_for_other_methods_alone_is_not_copied() -> None:
    post = single(name="post", match=[{"method": {"exact": "POST"}}])
    live = steered([virtual_service(post, single())], Routing(mirror_percent=Decimal(10)))
    assert rules(live) == ["post", "main-mirror", "main"]
    assert in_force(live, VERSIONS) == Routing(mirror_percent=Decimal(10))


def test_only_the_named_route_is_steered() -> None:
    before = [virtual_service(single(name="a"), single(name="b"))]
    only_b = Versions(HOST, "v1", "v2", "b")
    live = after(before, steer(before, only_b, Routing(90, 10, Decimal(10), BETA)))
    assert rules(live) == ["a", "b-users", "b-mirror", "b"]
    assert live[0]["spec"]["http"][0] == before[0]["spec"]["http"][0]
    assert in_force(live, only_b) == Routing(90, 10, Decimal(10), BETA)


def test_what_a_person_is_shown_are_weights_copies_and_users() -> None:
    before = [virtual_service(single())]
    edits = steer(before, VERSIONS, Routing(95, 5, Decimal("6.25"), BETA, compare=True))
    assert not isinstance(edits, Refusal)
    (shown,) = edits[0].shown
    assert shown.before == {"v1": "100", "v2": "-", "mirror": "off", "users": "off"}
    assert shown.after == {
        "v1": "95",
        "v2": "5",
        "mirror": "1/16 of GET, HEAD to v2, 25 % of it to v1",
        "users": "x-group is beta: to v2",
    }


# --- beside other commands


def test_shift_moves_a_route_with_its_rules_and_leaves_its_users_where_they_are() -> None:
    live = steered([virtual_service(single())], Routing(90, 10, Decimal(10), BETA))
    live = after(live, shift(live, HOST, {"v2": Decimal(20)}, "main"))
    weights = [[c["weight"] for c in rule["route"]] for rule in live[0]["spec"]["http"]]
    assert weights == [[100], [80, 20], [80, 20]]
    edit = spread(live[0], 2, [Decimal(70), Decimal(30)])
    assert isinstance(edit, Edit)
    live = after(live, [edit])
    assert in_force(live, VERSIONS) == Routing(70, 30, Decimal(10), BETA)


def test_mirror_off_takes_the_copies_and_leaves_the_users() -> None:
    for compare in (False, True):
        live = steered([virtual_service(single())], Routing(90, 10, Decimal("6.25"), BETA, compare))
        live = after(live, off(live, HOST, "main"))
        assert rules(live) == ["main-users", "main"]
        assert in_force(live, VERSIONS) == Routing(90, 10, users=BETA)


def test_a_mirror_to_the_candidate_that_was_there_is_the_rollouts_from_then_on() -> None:
    before = [virtual_service(single())]
    live = after(before, mirror(before, HOST, "v2", percent=50, methods=["GET"]))
    assert in_force(live, VERSIONS) == Routing(mirror_percent=Decimal(50))
    edits = steer(live, VERSIONS, STABLE)
    assert not isinstance(edits, Refusal)
    assert edits[0].shown[0].before["mirror"] == "50 % of GET to v2"
    assert rules(after(live, edits)) == ["main"]


# --- a hash of users


def test_the_annotation_for_a_sticky_split_is_there_while_there_is_a_split() -> None:
    live = [virtual_service(single(), annotations={"a": "b"})]
    for routing, there in ((Routing(mirror_percent=Decimal(5)), False), (Routing(90, 10), True), (CANDIDATE, False)):
        live = steered(live, routing, sticky="header:x-user")
        assert live[0]["metadata"]["annotations"] == {"a": "b"} | ({ANNOTATION: "header:x-user"} if there else {})


def test_without_annotations_the_first_one_is_put() -> None:
    (live,) = steered([virtual_service(single())], Routing(90, 10), sticky="request")
    assert live["metadata"]["annotations"] == {ANNOTATION: "request"}


def test_somebody_elses_annotation_is_left_alone() -> None:
    before = [virtual_service(single(), annotations={ANNOTATION: "cookie:a"})]
    for sticky in ("", "header:x-user"):
        assert steered(before, STABLE, sticky=sticky)[0]["metadata"] == before[0]["metadata"]


# --- refusals


@pytest.mark.parametrize(
    ("before", "routing", "says"),
    [
        (route({"v1": 90, "v3": 10}), STABLE, "main also sends requests to v3"),
        (
            {"route": [*route({"v1": 90})["route"], {"destination": {"host": "old"}, "weight": 10}]},
            STABLE,
            "http[0] also sends requests to old",
        ),
        (single("v3"), STABLE, "no route sends app"),
        (single(mirror={"host": "app", "subset": "v2"}), Routing(mirror_percent=Decimal(5)), "copies to v2 already"),
        (single(match=[{"headers": {"X-Group": {"exact": "a"}}}]), Routing(users=BETA), "asks for the header X-Group"),
        (single(match=[{"method": {"exact": "PUT"}}]), Routing(mirror_percent=Decimal(5)), "takes no GET or HEAD"),
    ],
)
def test_what_a_rollout_cannot_speak_for_is_refused_with_a_hint(before: Object, routing: Routing, says: str) -> None:
    refusal = steer([virtual_service(before)], VERSIONS, routing)
    assert isinstance(refusal, Refusal)
    assert refusal.hint
    assert says in refusal.message


def test_rules_of_somebody_else_with_our_names_are_refused() -> None:
    users = virtual_service(single("v3", name="main-users"), single())
    refusal = steer([users], VERSIONS, Routing(users=BETA))
    assert isinstance(refusal, Refusal)
    assert "main-users is somebody else's" in refusal.message
    elsewhere = virtual_service(single())
    live = after([elsewhere], mirror([elsewhere], HOST, "v3", methods=["GET"]))
    refusal = steer(live, VERSIONS, Routing(mirror_percent=Decimal(5)))
    assert isinstance(refusal, Refusal)
    assert "main-mirror copies elsewhere already" in refusal.message


def test_subsets_that_no_destination_rule_has_are_refused() -> None:
    rule = {
        "metadata": {"name": "app", "namespace": "default"},
        "spec": {"host": "app", "subsets": [{"name": "v1"}, {"name": "v3"}]},
    }
    known = subsets([rule], HOST)
    assert known == ["v1", "v3"]
    refusal = steer([virtual_service(single())], VERSIONS, STABLE, known=known)
    assert isinstance(refusal, Refusal)
    assert refusal.message == f"{HOST} has no subset v2"
    same = steer([virtual_service(single())], Versions(HOST, "v1", "v1"), STABLE)
    assert isinstance(same, Refusal)


# --- strange


@pytest.mark.parametrize(
    ("http", "says"),
    [
        ([route({"v1": 2, "v2": 1})], "main has weights of 2 and 1"),
        (
            [route({"v1": 100, "v2": 0}, name="a"), route({"v1": 50, "v2": 50}, name="b")],
            "a and b send requests differently",
        ),
        ([single("v3")], "no route sends"),
        ([route({"v1": 90, "v2": 0, "v3": 10})], "also sends requests to v3"),
        ([single("v2", name="main-users"), single()], "main-users is not for a group"),
        (
            [single("v1", name="main-mirror", mirror={"host": "app", "subset": "v2"}), route({"v1": 9, "v2": 1})],
            "main-mirror has other weights",
        ),
    ],
)
def test_what_no_rollout_would_write_is_said_in_words(http: list[Object], says: str) -> None:
    live = [virtual_service(*http)]
    assert in_force(live, VERSIONS) is None
    assert says in strange(live, VERSIONS)


def test_what_is_in_force_is_read_in_lowest_terms() -> None:
    assert in_force([virtual_service(route({"v1": 9, "v2": 1}))], VERSIONS) == Routing(90, 10)
    assert in_force([virtual_service(route({"v1": 500, "v2": 500}))], VERSIONS) == Routing(50, 50)
    assert in_force([virtual_service(single())], VERSIONS) == STABLE
    assert in_force([virtual_service(single(None))], VERSIONS) == STABLE
