from __future__ import annotations

from typing import Any

from turnout.telemetry.span import Span
from turnout.xds import zipkin
from turnout.xds.schema import messages

TAGS = {
    "http.method": "GET",
    "http.url": "http://shop.test/a",
    "http.status_code": "503",
    "http.protocol": "HTTP/1.1",
    "response_flags": "UF",
    "request_size": "14",
    "response_size": "153",
    "upstream_cluster": "outbound|80|v1|reviews.default.svc.cluster.local",
    "guid:x-request-id": "some-id",
    "turnout.source": "cart;shop;cart;v3",
    "turnout.destination": "reviews-v1,default,reviews,v1,one",
    "turnout.route": "main",
    "turnout.upstream": "127.0.0.1:8000",
}


def body(tags: dict[str, str], **fields: Any) -> bytes:
    """One span, as Envoy writes it."""
    built = messages(zipkin.SCHEMA)["ListOfSpans"]()
    span = built.spans.add(trace_id=bytes.fromhex("0af7651916cd43dd8448eb211c80319c"), **fields)
    for key, value in tags.items():
        span.tags.add(key=key, value=value)
    return bytes(built.SerializeToString())


def read(tags: dict[str, str], **fields: Any) -> Span:
    (span,) = zipkin.spans(body(tags, **fields))
    return span


def test_a_span_says_who_called_whom_on_which_route_and_what_came_of_it() -> None:
    assert read(TAGS, name="shop.test", timestamp=1_000_250_000, duration=1500) == Span(
        "0af7651916cd43dd8448eb211c80319c",
        "",
        "",
        "reviews.default.svc.cluster.local:80/*",
        1000.25,
        1.5,
        source="cart",
        source_namespace="shop",
        source_service="cart",
        service="reviews.default.svc.cluster.local",
        canonical_service="reviews",
        workload="reviews-v1",
        namespace="default",
        version="v1",
        subset="one",
        upstream="127.0.0.1:8000",
        route="main",
        method="GET",
        url="http://shop.test/a",
        protocol="HTTP/1.1",
        status="503",
        flags="UF",
        request_bytes=14,
        response_bytes=153,
        request_id="some-id",
        error=True,
    )


def test_without_an_endpoint_the_subset_is_the_one_that_was_asked_for() -> None:
    span = read(TAGS | {"turnout.destination": "-"})

    assert (span.service, span.workload, span.subset) == ("reviews.default.svc.cluster.local", "", "v1")


def test_without_a_route_the_name_is_what_the_client_asked_for() -> None:
    span = read({"upstream_cluster": "-", "http.status_code": "404", "turnout.route": ""}, name="nobody.test")

    assert (span.name, span.service, span.error) == ("nobody.test", "", False)


def test_a_copy_is_known_on_both_sides_of_the_internal_listener() -> None:
    outer = read({"upstream_cluster": "mirror|80|v2|reviews.default.svc.cluster.local"}, name="mirror")
    inner = read({"upstream_cluster": "copy|80|v2|reviews.default.svc.cluster.local", "turnout.mirrored": "true"})

    assert (outer.mirrored, outer.handed_over, outer.subset) == (True, True, "v2")
    assert (inner.mirrored, inner.handed_over, inner.service) == (True, False, "reviews.default.svc.cluster.local")


def test_what_clients_choose_is_cut_off() -> None:
    assert len(read({"http.url": "http://" + "x" * 60_000}).url) == 1024


def test_what_is_no_list_of_spans_has_none() -> None:
    assert (zipkin.spans(b"\xff\xff"), zipkin.count(b"\xff\xff"), zipkin.count(body({}))) == ([], 0, 1)
