"""The second article's three services."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time

import psutil
import pytest
from tests.examples.apps import DARK_LAUNCH, Answer, App, Start, Upstream

TRACE = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "a=1",
    "b3": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
    "x-request-id": "42",
}


def counted(app: App) -> dict[str, object]:
    found: dict[str, object] = json.loads(app.get("/count").body)
    return found


def test_each_service_adds_its_name_to_the_answer(start: Start) -> None:
    recommendation = start(DARK_LAUNCH, "recommendation", VERSION="v1", POD_NAME="pod-1")
    preference = start(DARK_LAUNCH, "preference", RECOMMENDATION_URL=f"http://127.0.0.1:{recommendation.port}/")
    customer = start(DARK_LAUNCH, "customer", PREFERENCE_URL=f"http://127.0.0.1:{preference.port}/")
    answer = customer.get("/")
    assert answer.status == 200
    assert answer.body == b"customer => preference => recommendation v1 from pod-1: 1\n"


@pytest.mark.parametrize(
    ("service", "url"), [("customer", "http://preference:8080/"), ("preference", "http://recommendation:8080/")]
)
def test_calls_go_through_the_proxy_and_carry_the_trace(
    start: Start, upstream: Upstream, service: str, url: str
) -> None:
    app = start(DARK_LAUNCH, service, http_proxy=upstream.url)
    app.get("/", TRACE | {"x-other": "stays here"})
    [(path, headers)] = upstream.requests
    assert path == url
    assert {name: value for name, value in headers.items() if name not in {"host", "content-length"}} == TRACE


def test_one_connection_to_the_proxy_serves_many_calls(start: Start, upstream: Upstream) -> None:
    app = start(DARK_LAUNCH, "customer", http_proxy=upstream.url)
    assert {app.get("/").status for _ in range(20)} == {200}
    assert len(upstream.requests) == 20
    assert len(upstream.connections) == 1


def test_a_proxy_that_closes_idle_connections_does_no_harm(start: Start, upstream: Upstream) -> None:
    upstream.close_after_each = True
    app = start(DARK_LAUNCH, "customer", http_proxy=upstream.url)
    assert {app.get("/").status for _ in range(20)} == {200}


def test_an_error_behind_reaches_the_user(start: Start, upstream: Upstream) -> None:
    upstream.status = 502
    assert start(DARK_LAUNCH, "customer", http_proxy=upstream.url).get("/").status == 502


def test_nobody_behind_is_a_503(start: Start) -> None:
    assert start(DARK_LAUNCH, "customer", PREFERENCE_URL="http://127.0.0.1:1/").get("/").status == 503


def test_copies_are_counted_apart(start: Start) -> None:
    app = start(DARK_LAUNCH, "recommendation", VERSION="v2")
    app.get("/")
    app.get("/", {"x-turnout-mirror": "candidate"})
    app.get("/", {"host": "recommendation-shadow:8080"})
    assert counted(app) == {"version": "v2", "requests": 3, "mirrored": 2}


def test_requests_on_one_connection_are_answered_in_order(start: Start) -> None:
    app = start(DARK_LAUNCH, "recommendation", POD_NAME="p")
    with socket.create_connection(("127.0.0.1", app.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 2 + b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert [line for line in received.splitlines() if b"from p" in line] == [
        f"recommendation v1 from p: {number}".encode() for number in (1, 2, 3)
    ]


def test_what_is_no_http_is_refused(start: Start) -> None:
    app = start(DARK_LAUNCH, "recommendation")
    with socket.create_connection(("127.0.0.1", app.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\ncontent-length: many\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def faulty(start: Start, fault: str) -> App:
    return start(DARK_LAUNCH, "recommendation", FAULT=fault)


def test_dead_refuses_connections_after_its_first_request(start: Start) -> None:
    app = faulty(start, "dead")
    with pytest.raises(ConnectionError):
        app.get("/")
    with pytest.raises(ConnectionRefusedError):
        app.get("/")
    assert app.process.poll() is None


def test_reset_breaks_the_connection_and_stays_healthy(start: Start) -> None:
    app = faulty(start, "reset")
    with pytest.raises(ConnectionError):
        app.get("/")
    assert app.get("/healthz").status == 200


def test_hang_never_answers_and_stays_healthy(start: Start) -> None:
    app = faulty(start, "hang")
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=0.3)
    connection.request("GET", "/")
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    assert counted(app)["requests"] == 1


def test_drip_sends_byte_by_byte(start: Start) -> None:
    app = faulty(start, "drip")
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=5)
    connection.request("GET", "/")
    response = connection.getresponse()
    started = time.monotonic()
    assert response.read(4) == b"...."
    assert time.monotonic() - started > 0.2
    response.close()
    connection.close()


def test_huge_answers_50_megabytes_and_stays_small(start: Start) -> None:
    app = faulty(start, "huge")
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=20)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert psutil.Process(app.process.pid).memory_info().rss < 40e6
    assert sum(len(chunk) for chunk in iter(lambda: response.read(1 << 20), b"")) == 50 * 1024 * 1024
    connection.close()
    assert app.get("/healthz").status == 200


JSON = {"accept": "application/json"}


def twenty(app: App) -> list[Answer]:
    return [app.get("/", JSON) for _ in range(20)]


def books(answers: list[Answer]) -> list[dict[str, object]]:
    return [json.loads(answer.body) for answer in answers]


def test_whoever_asks_for_json_gets_it_through_all_three_services(start: Start) -> None:
    recommendation = start(DARK_LAUNCH, "recommendation", VERSION="v1")
    preference = start(DARK_LAUNCH, "preference", RECOMMENDATION_URL=f"http://127.0.0.1:{recommendation.port}/")
    customer = start(DARK_LAUNCH, "customer", PREFERENCE_URL=f"http://127.0.0.1:{preference.port}/")
    first, second = customer.get("/", JSON), customer.get("/", JSON)
    assert first.headers["content-type"] == "application/json"
    assert {"version": "v1", "price": 39.95}.items() <= json.loads(first.body).items()
    assert json.loads(first.body)["id"] != json.loads(second.body)["id"]


def test_errors_are_one_answer_in_twenty(start: Start) -> None:
    assert [answer.status for answer in twenty(faulty(start, "errors"))] == [200] * 19 + [500]


def test_a_missing_field_lacks_in_one_answer_in_twenty(start: Start) -> None:
    assert ["price" in book for book in books(twenty(faulty(start, "missing")))] == [True] * 19 + [False]


def test_a_changed_field_has_another_value(start: Start) -> None:
    assert {book["price"] for book in books(twenty(faulty(start, "changed")))} == {3995}


def test_a_slow_answer_takes_30_ms_longer(start: Start) -> None:
    app = faulty(start, "slow")
    started = time.monotonic()
    app.get("/", JSON)
    assert time.monotonic() - started > 0.03


def test_a_page_is_of_another_content_type(start: Start) -> None:
    assert faulty(start, "html").get("/", JSON).headers["content-type"] == "text/html"


@pytest.mark.parametrize("fault", ["changed", "missing", "html", "errors"])
def test_a_bug_shows_in_text_too(start: Start, fault: str) -> None:
    app = faulty(start, fault)
    answers = [app.get("/") for _ in range(20)]
    right = [answer for answer in answers if answer.body.startswith(b"recommendation v1 from")]
    assert len(right) < 20


def test_a_fault_that_does_not_exist_is_named_with_those_that_do(start: Start) -> None:
    with pytest.raises(AssertionError, match=r"FAULT=typo is none of dead, hang.* errors, slow"):
        faulty(start, "typo")


@pytest.mark.parametrize("image", ["customer", "preference", "recommendation"])
def test_sigterm_ends_a_service_with_status_0(start: Start, image: str) -> None:
    app = start(DARK_LAUNCH, image)
    with socket.create_connection(("127.0.0.1", app.port)):  # an idle connection does not keep it
        app.terminate()
        assert app.wait() == 0


def test_a_call_under_way_is_answered_after_sigterm(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as slow:
        app = start(DARK_LAUNCH, "customer", http_proxy=f"http://127.0.0.1:{slow.getsockname()[1]}")
        bodies: list[bytes] = []
        caller = threading.Thread(target=lambda: bodies.append(app.get("/").body))
        caller.start()
        connection, _ = slow.accept()
        with connection:
            connection.recv(65536)
            app.terminate()
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            caller.join()
    assert bodies == [b"customer => ok"]
    assert app.wait() == 0
