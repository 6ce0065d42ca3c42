"""Routes in plain words: what a reader who knows no Istio understands."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.compiler import match_words, route_words
from turnout.resources.interpret import interpret
from turnout.resources.virtual_service import HTTPRoute, VirtualService

JSON = dict[str, Any]
TO_A: JSON = {"route": [{"destination": {"host": "a"}}]}


def route(spec: JSON) -> HTTPRoute:
    """One route of a VirtualService that Turnout admits."""
    obj = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": {"hosts": ["a"], "gateways": ["gw", "mesh"], "http": [spec]},
    }
    found = interpret(obj)
    assert isinstance(found.resource, VirtualService), found.problems
    return found.resource.spec.http[0]


def when(match: JSON) -> str:
    (read,) = route({**TO_A, "match": [match]}).match
    return match_words.words(read)


def then(**spec: Any) -> str:
    return route_words.words(route({**TO_A, **spec}), "shop")


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ({}, "every request"),
        ({"uri": {"prefix": "/"}}, "every request"),
        ({"uri": {"regex": ".*"}}, "every request"),
        ({"uri": {"prefix": "/api"}}, "the path begins with /api"),
        ({"uri": {"exact": "/"}}, "the path is /"),
        ({"uri": {"regex": "/v[12]/.*"}}, "the path matches the regex /v[12]/.*"),
        ({"uri": {"exact": "/a"}, "ignoreUriCase": True}, "the path is /a (in upper or lower case)"),
        ({"ignoreUriCase": True}, "every request"),
        ({"method": {"exact": "GET"}}, "the method is GET"),
        ({"method": {"regex": "GET|HEAD"}}, "the method matches the regex GET|HEAD"),
        ({"scheme": {"exact": "https"}}, "the scheme is https"),
        ({"authority": {"prefix": "a."}}, "the host begins with a."),
        ({"headers": {"x-user": {"exact": "ada"}}}, "the header x-user is ada"),
        ({"headers": {"cookie": {"regex": "^(.*; )?beta.*"}}}, 'the header cookie matches the regex "^(.*; )?beta.*"'),
        ({"headers": {"x-user": {"exact": ""}}}, 'the header x-user is ""'),
        ({"headers": {"x-user": {}}}, "the header x-user is present"),
        ({"withoutHeaders": {"x-user": {}}}, "the header x-user is absent"),
        ({"withoutHeaders": {"x-user": {"exact": "ada"}}}, "the header x-user is not ada"),
        ({"withoutHeaders": {"x-user": {"prefix": "a"}}}, "the header x-user does not begin with a"),
        ({"withoutHeaders": {"x-user": {"regex": "a+"}}}, "the header x-user does not match the regex a+"),
        ({"queryParams": {"v": {"exact": "2"}}}, "the query parameter v is 2"),
        ({"queryParams": {"v": {"regex": "\\d+"}}}, "the query parameter v matches the regex \\d+"),
        ({"port": 8080}, "it comes in on port 8080"),
        ({"sourceLabels": {"version": "v1", "app": "b"}}, "the caller is labelled app=b, version=v1"),
        ({"sourceNamespace": "edge"}, "the caller is in namespace edge"),
        ({"gateways": ["mesh"]}, "it comes from inside the mesh"),
        ({"gateways": ["gw", "mesh"]}, "it comes through gateway gw or from inside the mesh"),
    ],
)
def test_a_match_is_a_condition(match: JSON, words: str) -> None:
    assert when(match) == words


def test_fields_of_a_match_are_said_together() -> None:
    match = {
        "uri": {"prefix": "/api"},
        "method": {"exact": "GET"},
        "headers": {"x-b": {"exact": "2"}, "x-a": {"exact": "1"}},
    }
    assert when(match) == "the path begins with /api, the method is GET, the header x-a is 1 and the header x-b is 2"


def test_labels_that_gateways_make_istio_ignore_are_not_said() -> None:
    match = {"gateways": ["mesh"], "sourceLabels": {"app": "x"}, "sourceNamespace": "y"}
    assert when(match) == "it comes from inside the mesh"


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert match_words.quoted("a\x1b[31mb") == '"a\\u001b[31mb"'


def to(host: str, weight: int | None = None, **destination: Any) -> JSON:
    return {"destination": {"host": host, **destination}, **({} if weight is None else {"weight": weight})}


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ([to("a", 0, subset="v1")], "all to a v1"),
        ([to("a", 75, subset="v1"), to("a", 25, subset="v2")], "75 % to a v1, 25 % to a v2"),
        ([to("a", 1, subset="v1"), to("a", 3, subset="v2")], "25 % to a v1, 75 % to a v2"),
        ([to("a", 999, subset="v1"), to("a", 1, subset="v2")], "99.9 % to a v1, 0.1 % to a v2"),
        ([to("a", 100, subset="v1"), to("a", 0, subset="v2")], "100 % to a v1, 0 % to a v2"),
        ([to("a.shop.svc.cluster.local", port={"number": 81})], "all to a port 81"),
        ([to("a.other.svc.cluster.local")], "all to a.other"),
        ([to("api.example.com")], "all to api.example.com"),
    ],
)
def test_weights_are_said_in_percent(choices: list[JSON], words: str) -> None:
    assert then(route=choices) == words


COPY = {"host": "a", "subset": "v2"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mirror": COPY}, "all to a; each is copied to a v2"),
        ({"mirror": COPY, "mirrorPercentage": {"value": 2.5}}, "all to a; 2.5 % are copied to a v2"),
        ({"mirror": COPY, "mirrorPercentage": {}}, "all to a"),
        (
            {"mirrors": [{"destination": COPY}, {"destination": {"host": "b"}, "percentage": {"value": 10}}]},
            "all to a; each is copied to a v2, 10 % are copied to b",
        ),
        ({"timeout": "2s"}, "all to a; given up after 2s"),
        ({"timeout": "0.25s"}, "all to a; given up after 250ms"),
        ({"retries": {"attempts": 0}}, "all to a; never retried"),
        (
            {"retries": {"attempts": 3, "retryOn": "5xx,reset", "perTryTimeout": "1s"}},
            "all to a; retried at most 3 times, on 5xx,reset, each try 1s at most",
        ),
        ({"retries": {"attempts": 1, "backoff": "0.1s"}}, "all to a; retried at most once, from 100ms apart"),
        (
            {"fault": {"delay": {"fixedDelay": "5s", "percentage": {"value": 10}}}},
            "10 % are delayed by 5s; all to a",
        ),
        ({"fault": {"abort": {"httpStatus": 503}}}, "0 % are answered with 503 instead; all to a"),
        (
            {"fault": {"abort": {"grpcStatus": "UNAVAILABLE", "percentage": {"value": 100}}}},
            "each is answered with gRPC status UNAVAILABLE instead; all to a",
        ),
        ({"rewrite": {"uri": "/"}}, "all to a; the matched path becomes /"),
        ({"rewrite": {"authority": "b"}}, "all to a; the host becomes b"),
        (
            {"rewrite": {"uriRegexRewrite": {"match": "/v1/(.*)", "rewrite": "/\\1"}}},
            "all to a; what matches /v1/(.*) in the path becomes /\\1",
        ),
        (
            {
                "headers": {
                    "request": {"set": {"x-user": "ada l"}, "add": {"x-b": "1"}, "remove": ["x-c"]},
                    "response": {"remove": ["server"]},
                }
            },
            'all to a; request header x-c removed; request header x-user set to "ada l"; request header x-b: 1 added; '
            "response header server removed",
        ),
        (
            {"route": [{**to("a", subset="v1"), "headers": {"request": {"set": {"x-v": "1"}}}}]},
            "all to a v1; to a v1: request header x-v set to 1",
        ),
        (
            {"corsPolicy": {"allowOrigins": [{"exact": "https://a.test"}], "allowMethods": ["GET"], "maxAge": "24h"}},
            "all to a; pages from https://a.test may call it, methods GET, remembered for 86400s",
        ),
    ],
)
def test_what_happens_to_a_request_is_said_field_by_field(fields: JSON, words: str) -> None:
    assert then(**fields) == words


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"redirect": {"uri": "/new"}}, "redirected with 301 to path /new"),
        (
            {"redirect": {"scheme": "https", "authority": "b.test", "port": 8443, "redirectCode": 308}},
            "redirected with 308 to scheme https, host b.test, port 8443",
        ),
        (
            {"redirect": {"scheme": "https", "derivePort": "FROM_REQUEST_PORT"}},
            "redirected with 301 to scheme https, the port it came in on",
        ),
        ({"directResponse": {"status": 503}}, "answered with 503, by the proxy itself"),
        (
            {"directResponse": {"status": 200, "body": {"string": "to be\nback"}}},
            'answered with 200 and "to be\\nback", by the proxy itself',
        ),
    ],
)
def test_routes_that_lead_to_no_service_say_who_answers(spec: JSON, words: str) -> None:
    assert route_words.words(route(spec), "shop") == words


def test_istios_default_retries_are_told_to_who_asks() -> None:
    assert route_words.retry_words(None) == "retried at most twice when it could not be delivered (Istio's default)"


def test_what_a_split_is_a_function_of_is_said_where_there_is_a_split() -> None:
    split = route({"route": [{"destination": {"host": to}, "weight": weight} for to, weight in (("a", 90), ("b", 10))]})
    default = "retried at most twice when it could not be delivered (Istio's default)"
    said = route_words.words(split, "shop", "header:x-user").removesuffix(f"; {default}")
    assert said == "90 % to a, 10 % to b, by header x-user"
    assert (
        route_words.words(split, "shop", "request").removesuffix(f"; {default}").endswith("10 % to b, by user request")
    )
    assert "by header" not in route_words.words(route(TO_A), "shop", "header:x-user")
