"""No request changes its way behind a plan's back: generated changes of generated meshes, asked before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.compiler.test_cases import BASE
from tests.simulator.generated import FIXED, JSON, VIRTUAL, Draw, Sent, text, valid, worlds

from turnout.control.planned import planned, worlds_of
from turnout.delivery.traffic_plan.effect import short_host
from turnout.delivery.traffic_plan.entrance import Side
from turnout.inputs.files import parse
from turnout.simulator.request import Request
from turnout.simulator.simulation import Simulation

KNOWN = [m.obj for given_text in (BASE.read_text(), FIXED) for m in parse(Path("known.yaml"), given_text).manifests]


def objects(found: list[JSON]) -> list[Mapping[str, Any]]:
    return [*KNOWN, *(manifest.obj for manifest in parse(Path("drawn.yaml"), text(found)).manifests)]


@st.composite
def changed(draw: Draw, before: list[JSON]) -> list[JSON]:
    """Others in their place, or the same with rules in another order, without one, or with other weights."""
    how = draw(st.sampled_from(["others", "order", "without", "weights", "weights"]))
    if how == "others":
        return valid(draw(VIRTUAL))
    after = deepcopy(before)
    for obj in after:
        rules = obj["spec"].get("http") or obj["spec"].get("rules") or []
        if how == "order" and len(rules) > 1:
            rules.insert(draw(st.integers(0, len(rules) - 1)), rules.pop())
        if how == "without" and len(rules) > 1:
            rules.pop(draw(st.integers(0, len(rules) - 1)))
        for choice in (choice for rule in rules for choice in rule.get("route", ()) if how == "weights"):
            choice["weight"] = draw(st.sampled_from([1, 2, 3]))
    return valid(after)


@st.composite
def changes(draw: Draw) -> tuple[list[JSON], list[JSON], list[Sent]]:
    before, requests = draw(worlds(8))
    return before, draw(changed(before)), requests


def simulations(side: Side) -> dict[str, Simulation]:
    """By whom they are asked: a port, or `namespace/workload`."""
    names = (proxy.name.split("|", 1) for proxy in side.proxies)
    return {
        where.replace("|", "/"): Simulation.of(side.mesh, proxy)
        for (_, where), proxy in zip(names, side.proxies, strict=True)
    }


def told(simulation: Simulation, sent: Sent) -> tuple[str, str]:
    """By which host a request is taken, and what becomes of it, whatever rules are called."""
    answer = asdict(simulation.answer(Request(sent.method, sent.host, sent.path, sent.headers)))
    host = answer["virtual_host"]
    for name in ("rule", "passed", "virtual_host", "domain", "reason"):
        answer.pop(name)
    for where in answer["destinations"]:
        where["percent"] = round(where["percent"], 6)
    answer["destinations"] = sorted(answer["destinations"], key=repr)
    return short_host(host), json.dumps(answer, default=repr, sort_keys=True)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(changes())
def test_what_changes_for_a_request_is_in_the_plan(drawn: tuple[list[JSON], list[JSON], list[Sent]]) -> None:
    before, after, requests = drawn
    was, now = objects(before), objects(after)
    routes = planned(was, now).traffic.routes
    old, new = (simulations(side) for side in worlds_of(was, now))
    for sent in requests:
        (host, then), (host_now, since) = told(old[sent.via], sent), told(new[sent.via], sent)
        if then != since:
            proxy = f"gateway|{sent.via}" if sent.via.isdecimal() else f"egress|{sent.via.replace('/', '|')}"
            found = [change for change in routes if change.host in (host, host_now)]
            assert any(name.startswith(proxy) for change in found for name in change.callers), sent


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(worlds(0))
def test_what_does_not_change_is_in_no_plan(drawn: tuple[list[JSON], list[Sent]]) -> None:
    given_objects = objects(drawn[0])

    assert not planned(given_objects, given_objects[::-1]).changes
