"""Which DestinationRules count, and how their layers add up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from turnout.mesh.policy import HostPolicy, rulebook
from turnout.resources.destination_rule import DestinationRule, TrafficPolicy
from turnout.resources.interpret import interpret

HOST = "a.shop.svc.cluster.local"


def rule(host: str, namespace: str = "shop", name: str = "a", **spec: Any) -> DestinationRule:
    found = interpret(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"host": host, **spec},
        }
    )
    assert isinstance(found.resource, DestinationRule), found.problems
    return found.resource


def pool(seconds: int) -> dict[str, Any]:
    return {"connectionPool": {"tcp": {"connectTimeout": f"{seconds}s"}}}


def timeout(policy: TrafficPolicy) -> timedelta | None:
    return policy.connection_pool.tcp.connect_timeout if policy.connection_pool and policy.connection_pool.tcp else None


def seen(*rules: DestinationRule, by: str = "shop") -> HostPolicy:
    return rulebook(rules).policy(HOST, "shop", by)


def seconds(*rules: DestinationRule, by: str = "shop") -> int | None:
    found = timeout(seen(*rules, by=by).policy(80))
    return None if found is None else int(found.total_seconds())


def test_the_callers_namespace_comes_first_then_the_services_then_the_root() -> None:
    root = rule(HOST, "istio-system", trafficPolicy=pool(3))
    own = rule("a", "shop", trafficPolicy=pool(2))
    caller = rule(HOST, "client", trafficPolicy=pool(1))
    assert seconds(root, by="client") == 3
    assert seconds(root, own, by="client") == 2
    assert seconds(root, own, caller, by="client") == 1
    assert seconds(root, own, caller, by="other") == 2


def test_the_gateway_in_the_root_namespace_looks_at_the_service_first() -> None:
    rules = (rule(HOST, "istio-system", trafficPolicy=pool(3)), rule("a", trafficPolicy=pool(2)))
    assert seconds(*rules, by="istio-system") == 2


def test_a_rule_that_is_not_exported_is_for_its_own_namespace() -> None:
    hidden = rule("a", trafficPolicy=pool(2), exportTo=["."])
    assert seconds(hidden) == 2
    assert seconds(hidden, by="client") is None


def test_the_most_specific_host_counts_even_if_it_is_younger() -> None:
    wide = rule("*.shop.svc.cluster.local", name="w", trafficPolicy=pool(1))
    assert seconds(rule("*", name="x", trafficPolicy=pool(9)), wide) == 1
    assert seconds(wide, rule("a", trafficPolicy=pool(2))) == 2
    assert seconds(wide, rule("b", name="b", trafficPolicy=pool(2))) == 1


def test_rules_for_one_host_give_their_first_policy_and_all_their_subsets() -> None:
    first = rule("a", name="1", subsets=[{"name": "v1", "labels": {"version": "v1"}}])
    second = rule(
        HOST,
        name="2",
        trafficPolicy=pool(2),
        subsets=[{"name": "v1", "labels": {"version": "x"}}, {"name": "v2", "labels": {"version": "v2"}}],
    )
    third = rule("a", name="3", trafficPolicy=pool(3))
    found = seen(first, second, third)
    assert [(subset.name, subset.labels["version"]) for subset in found.subsets] == [("v1", "v1"), ("v2", "v2")]
    assert timeout(found.policy(80)) == timedelta(seconds=2)


def test_settings_of_a_port_replace_the_whole_policy() -> None:
    layered = {**pool(1), "portLevelSettings": [{"port": {"number": 80}, "loadBalancer": {"simple": "RANDOM"}}]}
    found = seen(rule("a", trafficPolicy=layered))
    assert timeout(found.policy(80)) is None, "back to the default"
    assert found.policy(80).load_balancer is not None
    assert timeout(found.policy(81)) == timedelta(seconds=1)
    assert found.policy(81).load_balancer is None


def test_a_subset_overrides_block_by_block_and_its_ports_wholly() -> None:
    subset = {
        "name": "v1",
        "labels": {},
        "trafficPolicy": {
            "loadBalancer": {"simple": "RANDOM"},
            "portLevelSettings": [{"port": {"number": 81}, **pool(9)}],
        },
    }
    found = seen(rule("a", trafficPolicy=pool(1), subsets=[subset]))
    on_80, on_81 = (found.policy(port, found.subset("v1")) for port in (80, 81))
    assert timeout(on_80) == timedelta(seconds=1)
    assert on_80.load_balancer is not None
    assert timeout(on_81) == timedelta(seconds=9)
    assert on_81.load_balancer is None


def test_only_rules_that_somebody_does_not_see_make_callers_differ() -> None:
    assert not rulebook([rule("a"), rule("*", "istio-system")]).depends_on_caller(HOST, "shop")
    assert rulebook([rule("a", exportTo=["."])]).depends_on_caller(HOST, "shop")
    assert rulebook([rule("*.svc.cluster.local", "client")]).depends_on_caller(HOST, "shop")
    assert not rulebook([rule("b", "client")]).depends_on_caller(HOST, "shop")
