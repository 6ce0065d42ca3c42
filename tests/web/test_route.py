"""Routes as the browser saw them, against VirtualServices as they are: what is done, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.apiserver.samples import TOKEN, serving

from turnout.apiserver import kubeconfig
from turnout.client import Client
from turnout.client.change import Outcome
from turnout.delivery.edit import RouteChange
from turnout.error import TurnoutError
from turnout.resources.kinds import HTTP_ROUTE, VIRTUAL_SERVICE
from turnout.web.draft import Copies, Mirror, Weights
from turnout.web.route import (
    Done,
    Overtaken,
    Route,
    Share,
    is_as_seen,
    mirror_command,
    read,
    set_mirror,
    set_weights,
    shift_command,
)
from turnout.web.route_card import done_words, mirror_words, names, weights_words

HOST = "app.default.svc.cluster.local"


def share(subset: str, percent: float = 100, host: str = HOST) -> dict[str, Any]:
    return {"host": host, "subset": subset, "port": 0, "percent": float(percent)}


def row(index: int, name: str = "", words: str = "every request", **found: Any) -> dict[str, Any]:
    return {"index": index, "name": name, "words": [words], "weights": [], "mirrors": [], **found}


def shown(*rows: dict[str, Any]) -> list[Route]:
    return read({"namespace": "default", "name": "app", "routes": list(rows)})


def live(*http: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": "default", "name": "app", "resourceVersion": "7"}, "spec": {"http": list(http)}}


def rule(name: str = "", **weights: int) -> dict[str, Any]:
    choices = [{"destination": {"host": "app", "subset": s}, "weight": w} for s, w in weights.items()]
    return {**({"name": name} if name else {}), "route": choices}


SPLIT = row(0, "main", weights=[share("v1", 90), share("v2", 10)])


def test_a_route_is_as_seen_while_name_destinations_and_shares_are_the_same() -> None:
    (route,) = shown(SPLIT)
    assert is_as_seen(live(rule("main", v1=90, v2=10)), route)
    assert is_as_seen(live(rule("main", v1=900, v2=100)), route)
    assert not is_as_seen(live(rule("main", v1=80, v2=20)), route)
    assert not is_as_seen(live(rule("other", v1=90, v2=10)), route)
    assert not is_as_seen(live(rule("main", v1=90, v3=10)), route)
    assert not is_as_seen(live({"name": "new"}, rule("main", v1=90, v2=10)), route)
    assert not is_as_seen(live(), route)


def test_a_mirror_that_was_put_on_meanwhile_is_noticed() -> None:
    (route,) = shown(SPLIT)
    mirrored = {**rule("main", v1=90, v2=10), "mirror": {"host": "app", "subset": "v2"}}
    assert not is_as_seen(live(mirrored), route)


def test_what_mirrors_a_part_of_a_route_is_part_of_it() -> None:
    copy = row(0, "main-mirror", "the method is GET", mirrors=[share("v2", 10)], weights=[share("v1")])
    rule, route = shown(copy, row(1, "main", weights=[share("v1")]))
    assert (rule.part, route.part) == ("mirror", "")
    assert route.copies == Copies((HOST, "v2"), Decimal(10), ("GET",))


def test_a_group_of_users_is_part_of_the_route_too() -> None:
    rules = row(0, "main-users", weights=[share("v2")]), row(1, "main-mirror", mirrors=[share("v2", 10)])
    assert [rule.part for rule in shown(*rules, SPLIT)] == ["users", "mirror", ""]
    assert [rule.part for rule in shown(rules[0], SPLIT)] == ["users", ""]
    assert [rule.part for rule in shown(*rules)] == ["", ""]


def test_the_rule_before_a_route_without_a_name_is_found_too() -> None:
    copy = row(0, "route-mirror", "the method is GET", mirrors=[share("v2")])
    assert shown(copy, row(1, weights=[share("v1")]))[1].copies.methods == ("GET",)


def test_commands_are_those_that_would_do_the_same() -> None:
    (route,) = shown(SPLIT)
    assert shift_command(route, [Decimal("99.9"), Decimal("0.1")]) == "shift app v1=99.9 v2=0.1 --route main"
    limited = Copies((HOST, "v2"), Decimal(10), ("GET", "HEAD"))
    expected = "mirror app --to v2 --percent 10 --methods GET,HEAD --route main"
    assert mirror_command(route, limited) == expected
    assert mirror_command(route, Copies()) == "mirror app --off --route main"


def test_destinations_that_are_no_subsets_have_the_names_of_their_services() -> None:
    weights = [share("", 50, "blue.default.svc.cluster.local"), share("", 50, "green.default.svc.cluster.local")]
    (route,) = shown(row(0, weights=weights))
    assert names(route.shares) == ["blue", "green"]
    assert shift_command(route, [Decimal(1), Decimal(99)]) == "shift blue,green blue=1 green=99 --route http[0]"


def test_names_that_are_the_same_in_two_services_are_told_apart() -> None:
    both = [Share("a.x.svc", "v1", 0, Decimal(50)), Share("b.x.svc", "v1", 80, Decimal(50))]
    assert names(both) == ["a v1", "b v1 80"]


def test_words_say_before_and_after() -> None:
    weights = Weights([Decimal(100), Decimal(0)])
    assert weights_words(["v1", "v2"], weights) == ""
    weights.move(1, Decimal("0.5"))
    assert weights_words(["v1", "v2"], weights) == "v1 100 → 99.5 %, v2 0 → 0.5 %"
    mirror = Mirror(Copies())
    mirror.want(Copies((HOST, "v2"), Decimal(10), ("GET", "HEAD")))
    assert mirror_words(mirror) == "mirror: off → 10 % of GET, HEAD to v2"


@pytest.mark.parametrize(
    ("acknowledged", "end"),
    [(True, "Envoy serves it after 34.0 ms."), (False, "Envoy has not confirmed it yet: see Problems.")],
)
def test_what_was_done_is_said_with_when_envoy_had_it(acknowledged: bool, end: str) -> None:
    change = RouteChange("default/app", "main", {"v1": "100"}, {"v1": "50"})
    outcome = Outcome(acknowledged, 0.034)
    said = done_words(Done([change, change], outcome.acknowledged, outcome.seconds, ["look out"]))
    assert said.startswith("v1 100 → 50. ")
    assert end in said
    assert said.endswith("Warning: look out")


# --- against the real API server


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with serving(tmp_path / "state.db") as served:
        kubeconfig.write(tmp_path / "kubeconfig", f"http://127.0.0.1:{served.port}", TOKEN)
        with Client.from_state(tmp_path) as opened:
            yield opened


HALVES = [Decimal(50), Decimal(50)]


def test_a_route_that_somebody_else_has_changed_is_left_as_it_is(client: Client) -> None:
    client.create(VIRTUAL_SERVICE, live(rule("main", v1=70, v2=30)))
    before = client.get(VIRTUAL_SERVICE, "default", "app")
    (route,) = shown(SPLIT)
    with pytest.raises(Overtaken, match="somebody else") as raised:
        set_weights(client, route, HALVES)
    assert raised.value.hint
    with pytest.raises(Overtaken):
        set_mirror(client, route, Copies())
    assert client.get(VIRTUAL_SERVICE, "default", "app") == before


def test_a_route_that_is_gone_is_overtaken_too(client: Client) -> None:
    (route,) = shown(SPLIT)
    with pytest.raises(Overtaken):
        set_weights(client, route, HALVES)


def test_a_refusal_is_raised_with_its_hint(client: Client) -> None:
    client.create(VIRTUAL_SERVICE, live(rule("main", v1=90, v2=10)))
    (route,) = shown(SPLIT)
    with pytest.raises(TurnoutError, match="total 60") as raised:
        set_weights(client, route, [Decimal(50), Decimal(10)])
    assert raised.value.hint


def of_gateway_api(old: int, new: int) -> list[Route]:
    hosts = [f"app-{version}.default.svc.cluster.local" for version in ("v1", "v2")]
    weights = [share("", percent, host) for percent, host in zip((old, new), hosts, strict=True)]
    return read({"kind": "HTTPRoute", "namespace": "default", "name": "app", "routes": [row(0, weights=weights)]})


def http_route(old: int, new: int) -> dict[str, Any]:
    refs = [{"name": "app-v1", "port": 80, "weight": old}, {"name": "app-v2", "port": 80, "weight": new}]
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": "HTTPRoute",
        "metadata": {"name": "app", "namespace": "default", "resourceVersion": "7"},
        "spec": {"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": refs}]},
    }


def test_a_rule_of_gateway_api_is_as_seen_while_it_leads_to_the_same_services() -> None:
    (route,) = of_gateway_api(90, 10)
    assert is_as_seen(http_route(9, 1), route)
    assert not is_as_seen(http_route(8, 2), route)
    assert not is_as_seen({**http_route(9, 1), "spec": {"rules": []}}, route)


def test_a_rule_of_gateway_api_is_overtaken_too(client: Client) -> None:
    client.create(HTTP_ROUTE, http_route(70, 30))
    (route,) = of_gateway_api(90, 10)
    with pytest.raises(Overtaken):
        set_weights(client, route, HALVES)


def test_commands_for_a_rule_of_gateway_api_name_services() -> None:
    (route,) = of_gateway_api(90, 10)
    assert shift_command(route, HALVES) == "shift app-v1 app-v1=50 app-v2=50 --route rules[0]"
    copies = Copies(("app-v2.default.svc.cluster.local", ""), Decimal(10))
    assert mirror_command(route, copies) == "mirror app-v1 --to app-v2 --percent 10 --route rules[0]"
