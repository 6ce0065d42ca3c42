"""What Istio's YAML does to real requests, through one real Envoy. The numbered tests are Istio's own subtleties."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.compiler.test_cases import BASE, CASES
from tests.e2e.proxied import Answer, Proxied

from turnout.resources.interpret import interpret

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SERVICES = BASE.read_text(encoding="utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Proxied]:
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        site = Proxied(Path(folder))
        await site.start()
        yield site
        await site.stop()


def virtual_service(http: str, *, hosts: str = "[a]", gateways: str = "", name: str = "vs", more: str = "") -> str:
    """`http`: its routes, as YAML that begins at the line's start."""
    bound = f"  gateways: {gateways}\n" if gateways else ""
    routes = "".join(f"  {line}\n" for line in http.strip().splitlines())
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        f"metadata: {{name: {name}{more}}}\nspec:\n  hosts: {hosts}\n{bound}  http:\n{routes}"
    )


def destination_rule(host: str, policy: str, subsets: str = "[]") -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
        f"metadata: {{name: {host}}}\nspec: {{host: {host}, trafficPolicy: {policy}, subsets: {subsets}}}\n"
    )


def service(name: str, port: int = 80, more: str = "") -> str:
    """A service with one Deployment of the same name."""
    return (
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n"
        f"spec: {{selector: {{app: {name}}}, ports: [{{port: {port}, targetPort: 8080}}]{more}}}\n"
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n"
        f"  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n"
        f"    spec: {{containers: [{{name: main, image: x, ports: [{{containerPort: 8080}}]}}]}}\n"
    )


async def count(site: Proxied, url: str, times: int, **headers: str) -> Counter[str]:
    """Who answered, or the status when Envoy did."""
    answers = [await site.call(url, **headers) for _ in range(times)]
    return Counter(answer.by or str(answer.status) for answer in answers)


TO_A, TO_B = "route: [{destination: {host: a, subset: v1}}]", "route: [{destination: {host: b}}]"


# --- everything that the compiler's cases produce


async def test_envoy_accepts_the_configuration_of_every_compile_case(site: Proxied) -> None:
    for path in CASES:
        own = (path / "input.yaml").read_text(encoding="utf-8")
        await site.apply(*([own] if "kind: Service\n" in own else [SERVICES, own]))
    assert site.rejections == []


# --- Istio's subtleties


async def test_1_a_missing_subset_costs_its_share_of_requests(site: Proxied) -> None:
    split = "[{destination: {host: a}, weight: 50}, {destination: {host: a, subset: nope}, weight: 50}]"
    await site.apply(SERVICES, virtual_service(f"- route: {split}"))
    await site.forget()
    answers = await count(site, "a/", 60)
    assert answers["503"] in range(10, 51)
    assert await site.flags() == {"503 NC": answers["503"], "200 -": 60 - answers["503"]}


async def test_2_an_answer_of_503_is_not_retried(site: Proxied) -> None:
    await site.apply(SERVICES)
    assert (await site.call("b/", x_answer="503")).status == 503
    assert len(site.received("b")) == 1


@pytest.mark.parametrize(("retries", "attempts", "flags"), [("", 3, "URX,UF"), ("retries: {attempts: 0}", 1, "UF")])
async def test_2_a_refused_connection_is_tried_three_times_unless_retries_are_off(
    site: Proxied, retries: str, attempts: int, flags: str
) -> None:
    rule = virtual_service(f"- route: [{{destination: {{host: dead}}}}]\n  {retries}", hosts="[dead]")
    await site.apply(SERVICES, service("dead"), rule)
    await site.forget()
    assert (await site.call("dead/")).status == 503
    assert await site.flags() == {f"503 {flags}": 1}
    _, stats = await site.envoy.admin("GET", "/stats?filter=dead.*upstream_cx_connect_fail")
    assert stats.decode().strip().endswith(f": {attempts}")


async def test_2_another_endpoint_hides_one_that_refuses(site: Proxied) -> None:
    half_dead = service("half").replace("metadata: {name: half}\nspec:\n", "metadata: {name: dead-half}\nspec:\n")
    await site.apply(SERVICES, service("half"), half_dead)
    assert await count(site, "half/", 20) == {"half": 20}


async def test_3_without_a_timeout_a_slow_answer_is_waited_for(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(f"- {TO_A}"))
    assert (await site.call("a/", x_delay="0.4")).status == 200


async def test_3_a_timeout_cuts_a_slow_answer_off(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(f"- timeout: 0.1s\n  {TO_A}"))
    await site.forget()
    assert (await site.call("a/", x_delay="0.5")).status == 504
    assert await site.flags() == {"504 UT": 1}


async def test_3_an_injected_delay_does_not_consume_the_timeout(site: Proxied) -> None:
    fault = "{delay: {fixedDelay: 0.4s, percentage: {value: 100}}}"
    await site.apply(SERVICES, virtual_service(f"- timeout: 0.2s\n  fault: {fault}\n  {TO_A}"))
    await site.forget()
    started = time.monotonic()
    assert (await site.call("a/")).status == 200
    assert time.monotonic() - started > 0.35, "Envoy's timers may ring a little early"
    assert await site.flags() == {"200 DI": 1}


async def test_4_a_prefix_knows_nothing_of_segments(site: Proxied) -> None:
    await site.apply(
        SERVICES, virtual_service(f"- match: [{{uri: {{prefix: /pre}}}}]\n  rewrite: {{uri: /}}\n  {TO_A}")
    )
    paths = [(await site.call(f"a/{path}")).request["path"] for path in ("prefix/x", "pre/x")]
    assert paths == ["/fix/x", "//x"]
    assert (await site.call("a/other")).status == 404


async def test_5_weights_need_not_sum_to_a_hundred(site: Proxied) -> None:
    split = "[{destination: {host: a, subset: v1}, weight: 1}, {destination: {host: a, subset: v2}, weight: 3}]"
    await site.apply(SERVICES, virtual_service(f"- route: {split}"))
    answers = await count(site, "a/", 200)
    assert answers["a-v2"] in range(115, 186), "three of four, give or take five standard deviations"
    assert answers["a-v1"] == 200 - answers["a-v2"]


async def test_5_a_single_destination_takes_all_whatever_its_weight(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service("- route: [{destination: {host: a, subset: v2}, weight: 0}]"))
    assert await count(site, "a/", 5) == {"a-v2": 5}


async def copies(site: Proxied, number: int) -> list[str]:
    """The Host headers of the copies that `b` got, once it got that many."""
    received = await site.until_received("b", number)
    assert all(copy["headers"]["x-turnout-mirror"] == "candidate" for copy in received)
    return [copy["headers"]["host"] for copy in received]


async def test_6_a_mirror_copies_every_request_with_its_host(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(f"- {TO_A}\n  mirror: {{host: b}}"))
    assert await count(site, "a/x?y=1", 10) == {"a-v1": 10}
    assert await copies(site, 10) == ["a"] * 10
    assert {copy["path"] for copy in site.received("b")} == {"/x?y=1"}
    assert all("x-turnout-mirror" not in request["headers"] for request in site.received("a-v1"))


async def test_6_an_empty_mirror_percentage_means_none(site: Proxied) -> None:
    quiet = f"- match: [{{uri: {{prefix: /quiet}}}}]\n  {TO_A}\n  mirror: {{host: b}}\n  mirrorPercentage: {{}}\n"
    await site.apply(SERVICES, virtual_service(f"{quiet}- {TO_A}\n  mirror: {{host: b}}"))
    await count(site, "a/quiet", 10)
    await site.call("a/last")
    await copies(site, 1)
    assert [copy["path"] for copy in site.received("b")] == ["/last"]


async def test_6_a_mirror_that_does_not_exist_harms_nobody(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(f"- {TO_A}\n  mirror: {{host: a, subset: nope}}"))
    assert await count(site, "a/", 5) == {"a-v1": 5}


async def test_several_mirrors_get_a_copy_each(site: Proxied) -> None:
    mirrors = "[{destination: {host: b}}, {destination: {host: a, subset: v2}}]"
    await site.apply(SERVICES, virtual_service(f"- {TO_A}\n  mirrors: {mirrors}"))
    await count(site, "a/", 3)
    await copies(site, 3)
    await site.until_received("a-v2", 3)


async def test_7_a_single_destinations_header_wins_over_the_routes_a_weighted_ones_does_not(site: Proxied) -> None:
    def rule(weights: str) -> str:
        return virtual_service(
            f"- headers: {{request: {{set: {{x-w: r}}}}}}\n  route:\n"
            f"  - {{destination: {{host: a}}, headers: {{request: {{set: {{x-w: c}}}}}}{weights}}}\n"
            + ("  - {destination: {host: b}, weight: 0}\n" if weights else "")
        )

    await site.apply(SERVICES, rule(""))
    assert (await site.call("a/")).request["headers"]["x-w"] == "c"
    await site.apply(SERVICES, rule(", weight: 1"))
    assert (await site.call("a/")).request["headers"]["x-w"] == "r"


async def test_8_two_virtual_services_are_merged_at_a_gateway_and_not_in_the_mesh(site: Proxied) -> None:
    older = ', creationTimestamp: "2024-01-01T00:00:00Z"'
    host = {"hosts": "[a.default.svc.cluster.local]", "gateways": "[gw, mesh]"}
    younger = ', creationTimestamp: "2024-02-01T00:00:00Z"'
    await site.apply(
        SERVICES,
        virtual_service(f"- match: [{{uri: {{prefix: /}}}}]\n  {TO_A}", name="older", more=older, **host),
        virtual_service(f"- match: [{{uri: {{prefix: /b}}}}]\n  {TO_B}", name="younger", more=younger, **host),
    )
    assert (await site.ask("a.default.svc.cluster.local/b")).by == "b"
    assert (await site.ask("a.default.svc.cluster.local/")).by == "a-v1"
    assert (await site.call("a/b")).by == "a-v1"


async def test_9_gateways_in_a_match_switch_labels_off(site: Proxied) -> None:
    def rule(gateways: str) -> str:
        match = f"- match: [{{{gateways}sourceLabels: {{app: nobody}}}}]\n  {TO_B}\n- {TO_A}"
        return virtual_service(match, hosts="[a.default.svc.cluster.local]", gateways="[gw, mesh]")

    await site.apply(SERVICES, rule("gateways: [mesh], "))
    assert (await site.call("a/")).by == "b"
    assert (await site.ask("a.default.svc.cluster.local/")).by == "a-v1"
    await site.apply(SERVICES, rule(""))
    assert (await site.call("a/")).by == "a-v1"


async def test_10_a_destination_with_a_dot_is_not_expanded(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service("- route: [{destination: {host: a.default}}]"))
    await site.forget()
    assert (await site.call("a/")).status == 503
    assert await site.flags() == {"503 NC": 1}


async def test_11_gateway_errors_leave_five_5xx_in_a_row_in_force_and_no_panic(site: Proxied) -> None:
    policy = "{outlierDetection: {consecutiveGatewayErrors: 3, maxEjectionPercent: 100, interval: 1s}}"
    await site.apply(SERVICES, destination_rule("b", policy))
    await site.forget()
    for _ in range(5):
        assert (await site.call("b/", x_answer="500")).by == "b"
    async with asyncio.timeout(5):
        while (await site.call("b/")).status != 503:  # noqa: ASYNC110 - Envoy's workers hear of it a moment later
            await asyncio.sleep(0.005)
    assert (await site.flags())["503 UH"] == 1


@pytest.mark.parametrize(
    "route",
    [
        {"directResponse": {"status": 600}},
        {"redirect": {"redirectCode": 304, "uri": "/x"}},
        {
            "route": [{"destination": {"host": "a"}}],
            "fault": {"abort": {"httpStatus": 600, "percentage": {"value": 1}}},
        },
    ],
)
async def test_12_what_envoy_would_refuse_is_refused_before(route: dict[str, object]) -> None:
    resource = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "v"},
        "spec": {"hosts": ["a"], "http": [route]},
    }
    assert interpret(resource).resource is None


async def test_12_hosts_that_differ_in_case_only_are_one(site: Proxied) -> None:
    await site.apply(
        SERVICES,
        virtual_service(
            f"- match: [{{uri: {{prefix: /a}}}}]\n  {TO_A}", hosts="[Shop.test]", gateways="[gw]", name="older"
        ),
        virtual_service(f"- {TO_B}", hosts="[shop.TEST]", gateways="[gw]", name="younger"),
    )
    assert [(await site.ask(url)).by for url in ("shop.test/a", "SHOP.test/b")] == ["a-v1", "b"]


# --- matches

MATCHES = [
    ("{uri: {exact: /x}}", "a/x", {}, "a/x/", {}),
    ("{uri: {exact: /x}}", "a/x?q=1", {}, "a/X", {}),
    ("{uri: {regex: '/v[0-9]+'}}", "a/v12?x", {}, "a/v12/x", {}),
    ("{uri: {prefix: /New}, ignoreUriCase: true}", "a/nEW/x", {}, "a/old", {}),
    ("{uri: {exact: /New}, ignoreUriCase: true}", "a/new", {}, "a/new/x", {}),
    ("{method: {exact: POST}}", "a/", {"method": "POST"}, "a/", {}),
    ("{method: {regex: 'PUT|PATCH'}}", "a/", {"method": "PATCH"}, "a/", {"method": "POST"}),
    ("{scheme: {exact: http}}", "a/", {}, None, {}),
    ("{authority: {exact: 'a:80'}}", "a:80/", {}, "a/", {}),
    ("{authority: {prefix: a.}}", "a.default.svc/", {}, "a/", {}),
    ("{headers: {x-v: {exact: beta}}}", "a/", {"x_v": "beta"}, "a/", {"x_v": "Beta"}),
    ("{headers: {X-V: {prefix: be}}}", "a/", {"x_v": "beta"}, "a/", {"x_v": "alpha"}),
    ("{headers: {x-v: {regex: '[0-9]+'}}}", "a/", {"x_v": "12"}, "a/", {"x_v": "12a"}),
    ("{headers: {x-v: {}}}", "a/", {"x_v": ""}, "a/", {}),
    ("{withoutHeaders: {x-v: {exact: beta}}}", "a/", {}, "a/", {"x_v": "beta"}),
    ("{withoutHeaders: {x-v: {exact: beta}}}", "a/", {"x_v": "gamma"}, "a/", {"x_v": "beta"}),
    ("{withoutHeaders: {x-v: {}}}", "a/", {}, "a/", {"x_v": "1"}),
    ("{withoutHeaders: {x-v: {regex: '*'}}}", "a/", {}, "a/", {"x_v": "1"}),
    ("{queryParams: {q: {exact: '1'}}}", "a/?p=2&q=1", {}, "a/?q=12", {}),
    ("{queryParams: {q: {}}}", "a/?q", {}, "a/?p", {}),
    ("{queryParams: {q: {regex: '[a-z]+'}}}", "a/?q=abc", {}, "a/?q=1", {}),
    ("{uri: {prefix: /x}, method: {exact: PUT}}", "a/x", {"method": "PUT"}, "a/x", {}),
    ("{port: 80}", "a/", {}, None, {}),
    ("{sourceLabels: {tier: front}}", "a/", {}, "a/", {"caller": "default/b"}),
]


@pytest.mark.parametrize(("match", "url", "more", "other", "different"), MATCHES)
async def test_a_match_takes_what_fits_and_leaves_the_rest(
    site: Proxied, match: str, url: str, more: dict[str, str], other: str | None, different: dict[str, str]
) -> None:
    await site.apply(SERVICES, virtual_service(f"- match: [{match}]\n  {TO_B}\n- {TO_A}"))
    assert (await site.call(url, **more)).by == "b"
    if other is not None:
        assert (await site.call(other, **different)).by == "a-v1"


async def test_a_list_of_matches_is_an_or(site: Proxied) -> None:
    matches = "[{uri: {exact: /x}}, {headers: {x-v: {exact: beta}}}]"
    await site.apply(SERVICES, virtual_service(f"- match: {matches}\n  {TO_B}\n- {TO_A}"))
    answers = [await site.call("a/x"), await site.call("a/y", x_v="beta"), await site.call("a/y")]
    assert [answer.by for answer in answers] == ["b", "b", "a-v1"]


# --- what a route does with a request


async def test_a_regex_rewrites_the_path_and_envoy_keeps_the_original(site: Proxied) -> None:
    rewrite = "{uriRegexRewrite: {match: '/users/([^/]+)(.*)', rewrite: '/people/\\1\\2'}, authority: people.test}"
    await site.apply(SERVICES, virtual_service(f"- rewrite: {rewrite}\n  {TO_A}"))
    request = (await site.call("a/users/joe/x?q=1")).request
    assert (request["path"], request["headers"]["host"]) == ("/people/joe/x?q=1", "people.test")
    assert request["headers"]["x-envoy-original-path"] == "/users/joe/x?q=1"
    assert request["headers"]["x-envoy-original-host"] == "a"


REDIRECTS = [
    ("{uri: /new}", 301, "http://shop.test/new?q=1"),
    ("{uri: /new, redirectCode: 302}", 302, "http://shop.test/new?q=1"),
    ("{prefixRewrite: /new, redirectCode: 308}", 308, "http://shop.test/new/x?q=1"),
    ("{authority: b.test, redirectCode: 307}", 307, "http://b.test/old/x?q=1"),
    ("{scheme: https, redirectCode: 303}", 303, "https://shop.test/old/x?q=1"),
    ("{scheme: https, port: 443}", 301, "https://shop.test/old/x?q=1"),
    ("{port: 9090}", 301, "http://shop.test:9090/old/x?q=1"),
    ("{derivePort: FROM_REQUEST_PORT, authority: b.test}", 301, "http://b.test/old/x?q=1"),
]


@pytest.mark.parametrize(("redirect", "status", "location"), REDIRECTS)
async def test_a_redirect_says_where_to(site: Proxied, redirect: str, status: int, location: str) -> None:
    route = f"- match: [{{uri: {{prefix: /old}}}}]\n  redirect: {redirect}"
    await site.apply(SERVICES, virtual_service(route, hosts="[shop.test]", gateways="[gw]"))
    answer = await site.ask("shop.test/old/x?q=1")
    assert (answer.status, answer.headers["location"]) == (status, location)


@pytest.mark.parametrize("body", ["{string: short}", "{bytes: c2hvcnQ=}", "{bytes: c2hvcnQ}"])
async def test_a_direct_response_needs_no_service(site: Proxied, body: str) -> None:
    route = f"- directResponse: {{status: 418, body: {body}}}"
    await site.apply(SERVICES, virtual_service(route, hosts="[tea.test]", gateways="[gw]"))
    answer = await site.ask("tea.test/")
    assert (answer.status, answer.body) == (418, "short")


async def test_a_large_direct_response_is_accepted(site: Proxied) -> None:
    route = f"- directResponse: {{status: 200, body: {{string: {'x' * 100_000}}}}}"
    await site.apply(SERVICES, virtual_service(route, hosts="[tea.test]", gateways="[gw]"))
    assert len((await site.ask("tea.test/")).body) == 100_000


async def test_status_codes_are_retried_when_named(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(f"- retries: {{attempts: 2, retryOn: '503', backoff: 1ms}}\n  {TO_A}"))
    answer = await site.call("a/", x_answer="503")
    assert answer.status == 503
    attempts = [request["headers"]["x-envoy-attempt-count"] for request in site.received("a-v1")]
    assert attempts == ["1", "2", "3"]


async def test_each_try_has_its_own_timeout(site: Proxied) -> None:
    retries = "{attempts: 1, perTryTimeout: 0.1s, retryOn: 5xx, backoff: 1ms}"
    await site.apply(SERVICES, virtual_service(f"- retries: {retries}\n  {TO_A}"))
    assert (await site.call("a/", x_delay="0.4")).status == 504
    assert len(site.received("a-v1")) == 2


async def test_an_abort_hits_the_share_that_it_says(site: Proxied) -> None:
    def rule(abort: str) -> str:
        return virtual_service(f"- fault: {{abort: {abort}}}\n  {TO_A}")

    await site.apply(SERVICES, rule("{httpStatus: 418, percentage: {value: 100}}"))
    await site.forget()
    assert (await site.call("a/")).status == 418
    assert await site.flags() == {"418 FI": 1}
    await site.apply(SERVICES, rule("{httpStatus: 418}"))
    assert await count(site, "a/", 10) == {"a-v1": 10}


async def test_an_abort_can_be_a_grpc_status(site: Proxied) -> None:
    fault = "{abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}"
    await site.apply(SERVICES, virtual_service(f"- fault: {fault}\n  {TO_A}"))
    answer = await site.call("a/", content_type="application/grpc")
    assert (answer.status, answer.headers["grpc-status"]) == (200, "14")


async def test_headers_are_removed_set_and_added(site: Proxied) -> None:
    headers = (
        "{request: {set: {x-set: new}, add: {x-add: more}, remove: [x-gone]},"
        " response: {set: {x-r: '50%%'}, remove: [x-upstream]}}"
    )
    await site.apply(SERVICES, virtual_service(f"- headers: {headers}\n  {TO_A}"))
    answer = await site.call("a/", x_set="old", x_add="one", x_gone="y")
    received = answer.request["headers"]
    assert (received["x-set"], received["x-add"], "x-gone" in received) == ("new", "one,more", False)
    assert (answer.headers["x-r"], "x-upstream" in answer.headers) == ("50%", False)


async def test_a_host_that_is_set_is_sent(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(f"- headers: {{request: {{set: {{Host: other.test}}}}}}\n  {TO_A}"))
    assert (await site.call("a/")).request["headers"]["host"] == "other.test"


async def test_a_preflight_is_answered_and_a_foreign_one_is_passed_on(site: Proxied) -> None:
    policy = "{allowOrigins: [{exact: 'https://x.test'}], allowMethods: [GET], maxAge: 24h, allowCredentials: true}"
    await site.apply(SERVICES, virtual_service(f"- corsPolicy: {policy}\n  {TO_A}"))
    asking = {"method": "OPTIONS", "access_control_request_method": "GET"}
    answer = await site.call("a/", origin="https://x.test", **asking)
    assert answer.by == ""
    assert answer.headers["access-control-allow-origin"] == "https://x.test"
    assert answer.headers["access-control-max-age"] == "86400"
    assert (await site.call("a/", origin="https://evil.test", **asking)).by == "a-v1"
    simple = await site.call("a/", origin="https://x.test")
    assert (simple.by, simple.headers["access-control-allow-credentials"]) == ("a-v1", "true")


async def test_a_client_cannot_set_envoys_timeout_and_the_upstream_hears_of_ours(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(f"- timeout: 5s\n  {TO_A}", hosts="[shop.test]", gateways="[gw]"))
    answer = await site.ask("shop.test/", x_envoy_upstream_rq_timeout_ms="1", x_delay="0.1")
    assert answer.status == 200
    assert answer.request["headers"]["x-envoy-expected-rq-timeout-ms"] == "5000"


async def test_an_everyday_regex_is_not_too_large_for_envoy(site: Proxied) -> None:
    match = "{uri: {regex: '/(?P<area>[[:alpha:]]{1,100})/(?i)users/[^/]+'}}"
    await site.apply(SERVICES, virtual_service(f"- match: [{match}]\n  {TO_B}\n- {TO_A}"))
    assert (await site.call("a/shop/USERS/joe")).by == "b"


async def test_weights_of_any_size_split_in_proportion(site: Proxied) -> None:
    half = f"{{destination: {{host: a}}, weight: {2**31 - 1}}}"
    await site.apply(SERVICES, virtual_service(f"- route: [{half}, {half}, {half.replace('a}', 'b}')}]"))
    answers = await count(site, "a/", 60)
    assert answers["b"] in range(4, 38), "a third, give or take"


# --- destinations


async def test_a_hashed_header_always_leads_to_the_same_endpoint(site: Proxied) -> None:
    await site.apply(SERVICES, destination_rule("a", "{loadBalancer: {consistentHash: {httpHeaderName: x-user}}}"))
    for user in ("joe", "ann", "bob", "eve"):
        assert len(await count(site, "a/", 6, x_user=user)) == 1
    found = {(await site.call("a/", x_user=f"user-{number}")).by for number in range(30)}
    assert found == {"a-v1", "a-v2"}


async def test_a_hashed_cookie_is_made_where_a_client_has_none(site: Proxied) -> None:
    cookie = "{name: who, path: /, ttl: 60s}"
    await site.apply(SERVICES, destination_rule("a", f"{{loadBalancer: {{consistentHash: {{httpCookie: {cookie}}}}}}}"))
    first = await site.call("a/")
    made = first.headers["set-cookie"]
    assert made.startswith("who=")
    assert await count(site, "a/", 5, cookie=made.partition(";")[0]) == {first.by: 5}


async def test_a_connection_limit_turns_requests_away(site: Proxied) -> None:
    pool = "{tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}"
    await site.apply(SERVICES, destination_rule("b", f"{{connectionPool: {pool}}}"))
    answers = await asyncio.gather(*(site.call("b/", x_delay="0.2") for _ in range(5)))
    turned_away = Counter(answer.status for answer in answers)[503]
    assert turned_away in (3, 4), "one is served, one may wait"


# --- names


async def statuses(site: Proxied, *urls: str, caller: str = "default/app") -> list[int]:
    return [(await site.call(url, caller=caller)).status for url in urls]


async def test_a_service_answers_to_each_of_its_names(site: Proxied) -> None:
    await site.apply(SERVICES)
    names = (
        "b",
        "b:80",
        "b.default",
        "b.default.svc",
        "b.default.svc.cluster.local",
        "b.default.svc.cluster.local.:80",
    )
    assert await statuses(site, *(f"{name}/" for name in names)) == [200] * 6


async def test_a_bare_name_is_for_the_own_namespace(site: Proxied) -> None:
    caller = (
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: far, namespace: far}\nspec:\n"
        "  selector: {matchLabels: {app: far}}\n  template:\n    metadata: {labels: {app: far}}\n"
        "    spec: {containers: [{name: main, image: x, ports: [{containerPort: 8080}]}]}\n"
    )
    await site.apply(SERVICES, caller)
    assert await statuses(site, "b/", "b.default/", caller="far/far") == [502, 200]


async def test_a_port_other_than_80_is_named(site: Proxied) -> None:
    await site.apply(SERVICES, service("web", port=8000))
    assert await statuses(site, "web:8000/", "web/", "web:80/", "b:8000/") == [200, 502, 502, 502]


async def test_a_headless_service_answers_to_names_below_its_own(site: Proxied) -> None:
    await site.apply(SERVICES, service("db", more=", clusterIP: None"), service("db2", 90, ", clusterIP: None"))
    assert await statuses(site, "db/", "one.db/", "one.db:80/", "one.db.default.svc.cluster.local/") == [200] * 4
    assert await statuses(site, "one.db2:90/", "one.db2/") == [200, 502]


async def test_a_virtual_service_can_name_a_host_that_is_no_service(site: Proxied) -> None:
    await site.apply(SERVICES, virtual_service(f"- {TO_B}", hosts="[api.example.com, '*.cdn.example.com']"))
    urls = ("api.example.com/", "api.example.com:80/", "x.cdn.example.com/", "x.cdn.example.com:80/")
    assert await statuses(site, *urls) == [200] * 4
    assert await statuses(site, "api.example.com:8080/", "other.example.com/") == [502, 502]


async def test_an_unknown_host_is_told_what_is_wrong(site: Proxied) -> None:
    await site.apply(SERVICES)
    answer = await site.call("nowhere.test/")
    assert answer.status == 502
    assert "nowhere.test is not a service of this mesh" in answer.body


async def test_a_service_without_endpoints_answers_503(site: Proxied) -> None:
    nobody = (
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: nobody}\nspec: {selector: {app: x}, ports: [{port: 80}]}"
    )
    await site.apply(SERVICES, nobody)
    await site.forget()
    assert (await site.call("nobody/")).status == 503
    assert await site.flags() == {"503 UH": 1}


# --- gateways


async def test_a_gateway_without_virtual_services_answers_404(site: Proxied) -> None:
    await site.apply(SERVICES)
    await site.forget()
    assert (await site.ask("shop.test/")).status == 404
    assert await site.flags() == {"404 NR": 1}


async def test_a_gateway_prefers_the_most_specific_host(site: Proxied) -> None:
    await site.apply(
        SERVICES,
        virtual_service("- directResponse: {status: 201}", hosts="['*']", gateways="[gw]", name="all"),
        virtual_service("- directResponse: {status: 202}", hosts="['*.shop.test']", gateways="[gw]", name="wild"),
        virtual_service("- directResponse: {status: 203}", hosts="[a.shop.test]", gateways="[gw]", name="one"),
    )
    hosts = ("other.test/", "b.shop.test/", "A.shop.test/", "a.shop.test:8080/")
    answers: list[Answer] = [await site.ask(host) for host in hosts]
    assert [answer.status for answer in answers] == [201, 202, 203, 203]


async def test_a_gateway_sends_plain_text_to_https(site: Proxied) -> None:
    gateway = (
        "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw}\nspec:\n  servers:\n"
        "  - port: {number: 80, name: http, protocol: HTTP}\n    tls: {httpsRedirect: true}\n"
        "    hosts: [shop.test, bare.test]\n"
    )
    await site.apply(SERVICES, gateway, virtual_service(f"- {TO_A}", hosts="[shop.test]", gateways="[gw]"))
    answers = [await site.ask("shop.test/x"), await site.ask("bare.test/x")]
    assert [(a.status, a.headers["location"]) for a in answers] == [
        (301, "https://shop.test/x"),
        (301, "https://bare.test/x"),
    ]


async def test_rules_of_the_callers_namespace_count_for_its_callers_only(site: Proxied) -> None:
    caller = (
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: far, namespace: far}\nspec:\n"
        "  selector: {matchLabels: {app: far}}\n  template:\n    metadata: {labels: {app: far}}\n"
        "    spec: {containers: [{name: main, image: x, ports: [{containerPort: 8080}]}]}\n"
    )
    rule = (
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, namespace: far}\n"
        "spec: {host: a.default.svc.cluster.local, subsets: [{name: mine, labels: {version: v2}}]}\n"
    )
    await site.apply(SERVICES, caller, rule, virtual_service("- route: [{destination: {host: a, subset: mine}}]"))
    assert (await site.call("a.default/", caller="far/far")).by == "a-v2"
    assert (await site.call("a.default/")).status == 503
