"""What a run counts, against a raw HTTP server on loopback that answers as the test scripts it."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

import pytest

from turnout.error import TurnoutError
from turnout.load import Load, Plan, Progress, Report, run

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBljCCATugAwIBAgIUKCZxiLCsY/9TfavQvuF2FTyLPtswCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJc2hvcC50ZXN0MCAXDTI2MTEyMTIyNDAwMloYDzIxMjYxMDI4
MjI0MDAyWjAUMRIwEAYDVQQDDAlzaG9wLnRlc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQEHdrroerhFt/C64bySDsW+GXEgcRgvlgoCCSh0+aMwRUxw7ShkfY7
lKiotnrrOmoUQargHeay1HEMYtHGCcAEo2kwZzAdBgNVHQ4EFgQUJhGodmd4z4CL
MoXNzFSuy4zx2eMwHwYDVR0jBBgwFoAUJhGodmd4z4CLMoXNzFSuy4zx2eMwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglzaG9wLnRlc3QwCgYIKoZIzj0EAwID
SQAwRgIhANmUtfa3zaM1xY1JAUB6OhoXNNc3hSCYkCLZ9wf5H7bOAiEA/7GnxQAs
7e7HZ0mqvXYHMTVdI/LyolgVxrmqTDhtYpI=
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/Umwc4wFcCCzCUeY
3+3TQlL+PJCIdEV3pQNo5PQnOUyhRANCAAQEHdrroerhFt/C64bySDsW+GXEgcRg
vlgoCCSh0+aMwRUxw7ShkfY7lKiotnrrOmoUQargHeay1HEMYtHGCcAE
-----END PRIVATE KEY-----
"""
"""Of shop.test, made for these tests, with its key; valid until 2126."""
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Serve(Protocol):
    """Starts a server; its URL is returned."""

    def __call__(self, handler: Handler, tls: ssl.SSLContext | None = None) -> Awaitable[str]: ...


async def request(reader: asyncio.StreamReader) -> bytes:
    """The next request with its body; raises IncompleteReadError at the connection's end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


def answering(*answers: bytes) -> Handler:
    """Answers each connection's requests with these, over and over."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            for answer in answers:
                await request(reader)
                writer.write(answer)

    return handle


def closing_after(answer: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer)

    return handle


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server; its URL is returned."""
    servers: list[asyncio.Server] = []
    connections: set[asyncio.Task[None]] = set()

    async def start(handler: Handler, tls: ssl.SSLContext | None = None) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(handle(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    yield start
    for server in servers:
        server.close()
    for task in list(connections):
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)


def adds_up(report: Report) -> None:
    assert report.started == report.finished + report.unfinished
    assert report.finished == report.successful + report.failed
    assert report.finished == sum(row.requests for row in report.versions) + sum(report.errors.values())
    assert sum(report.codes.values()) == sum(row.requests for row in report.versions)


# Counting


async def test_as_many_requests_are_sent_as_asked_for(serve: Serve) -> None:
    report = await run(Plan(await serve(answering(OK)), clients=3, requests=100))
    assert (report.started, report.finished, report.failed, report.unfinished) == (100, 100, 0, 0)
    assert report.connections == 3
    assert report.codes == {200: 100}
    assert report.received_bytes == 100 * len(OK)
    assert report.passed
    adds_up(report)


async def test_a_run_ends_when_its_time_is_up(serve: Serve) -> None:
    report = await run(Plan(await serve(answering(OK)), clients=2, seconds=0.2))
    assert 0.2 <= report.elapsed_seconds < 2
    assert report.finished > 10
    assert report.passed
    adds_up(report)


async def test_400_and_above_fail_as_with_siege(serve: Serve) -> None:
    def answer(status: bytes) -> bytes:
        return b"HTTP/1.1 " + status + b" X\r\ncontent-length: 0\r\n\r\n"

    url = await serve(answering(*map(answer, (b"200", b"302", b"404", b"503"))))
    report = await run(Plan(url, clients=1, requests=40))
    assert report.codes == {200: 10, 302: 10, 404: 10, 503: 10}
    assert (report.failed, report.availability_percent, report.passed) == (20, 50.0, False)
    adds_up(report)


async def test_each_version_has_its_row(serve: Serve) -> None:
    def answer(version: bytes, status: bytes = b"200") -> bytes:
        return b"HTTP/1.1 " + status + b" X\r\nX-Turnout-Version: " + version + b"\r\ncontent-length: 0\r\n\r\n"

    url = await serve(answering(answer(b"v1"), answer(b"v1"), answer(b"v2", b"500"), OK))
    report = await run(Plan(url, clients=1, requests=8))
    assert [(row.version, row.requests, row.share_percent, row.failed) for row in report.versions] == [
        ("v1", 4, 50.0, 0),
        ("v2", 2, 25.0, 2),
        ("(unnamed)", 2, 25.0, 0),
    ]
    adds_up(report)


async def test_a_server_that_invents_versions_cannot_fill_memory(serve: Serve) -> None:
    answers = [b"HTTP/1.1 204 X\r\nx-turnout-version: %d\x9b2J\r\n\r\n" % number for number in range(200)]
    report = await run(Plan(await serve(answering(*answers)), clients=1, requests=200))
    assert report.successful == 200
    assert len(report.versions) <= 65
    assert all(row.version.isprintable() for row in report.versions)
    adds_up(report)


async def test_what_is_not_answered_when_the_drain_ends_is_unfinished(serve: Serve) -> None:
    report = await run(Plan(await serve(hang), clients=3, seconds=0.05, drain_seconds=0.1))
    assert (report.started, report.finished, report.unfinished) == (3, 0, 3)
    assert 0.15 <= report.elapsed_seconds < 2
    assert not report.passed
    adds_up(report)


async def test_requests_in_flight_are_finished_after_the_time_is_up(serve: Serve) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await asyncio.sleep(0.3)
        writer.write(OK)
        await reader.read()

    report = await run(Plan(await serve(slow), clients=4, seconds=0.05))
    assert (report.started, report.finished) == (4, 4)
    assert 0.05 <= report.window_seconds < 0.3 <= report.elapsed_seconds < 2
    assert report.finished_in_window == 0
    assert report.passed


async def test_stop_drains_and_abandon_does_not(serve: Serve) -> None:
    received = asyncio.Event()
    release = asyncio.Event()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        received.set()
        await release.wait()
        writer.write(OK)
        await reader.read()

    url = await serve(held)
    stop = asyncio.Event()
    running = asyncio.create_task(run(Plan(url, clients=2), stop=stop))
    await received.wait()
    stop.set()
    asyncio.get_running_loop().call_later(0.05, release.set)
    report = await running
    assert (report.started, report.finished, report.interrupted) == (2, 2, False)

    received.clear()
    release.clear()
    load = Load(Plan(url, clients=2))
    running = asyncio.create_task(load.run())
    await received.wait()
    load.abandon()
    report = await running
    assert (report.started, report.unfinished, report.interrupted) == (2, 2, True)


async def test_a_cancelled_run_leaves_no_connection_behind(serve: Serve) -> None:
    received, ended = asyncio.Event(), asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        received.set()
        await reader.read()
        ended.set()

    running = asyncio.create_task(run(Plan(await serve(watch), clients=1)))
    await received.wait()
    running.cancel()
    await asyncio.wait([running])
    async with asyncio.timeout(1):
        await ended.wait()


async def test_progress_is_told(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.load.load.PROGRESS_SECONDS", 0.05)
    seen: list[Progress] = []
    await run(Plan(await serve(answering(OK)), clients=1, seconds=0.2), seen.append)
    assert len(seen) >= 2
    assert seen[-1].finished > seen[0].finished > 0
    assert "in flight" in seen[-1].line()


# The request


async def test_the_request_carries_what_the_plan_says(serve: Serve) -> None:
    seen: list[bytes] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request(reader))
        writer.write(OK)
        await reader.read()

    url = await serve(record)
    port = int(url.rstrip("/").rpartition(":")[2])
    plan = Plan(
        "http://shop.test/a b?q=1",
        requests=1,
        method="POST",
        body=b"abc",
        headers=(("User-Agent", "me"),),
        connect=("127.0.0.1", port),
    )
    report = await run(plan)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /a%20b?q=1 HTTP/1.1"
    assert {b"host: shop.test", b"x-turnout-load: 1", b"User-Agent: me", b"content-length: 3"} < set(lines)
    assert not any(line.startswith(b"user-agent") for line in lines)
    assert body == b"abc"
    assert report.passed


async def test_a_name_without_address_is_said_so() -> None:
    with pytest.raises(TurnoutError, match=r"no address found for 'nowhere\.invalid'"):
        await run(Plan("http://nowhere.invalid/", requests=1))


# Answers of all shapes


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", id="chunked"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-t: 1\r\n\r\n", id="trailers"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", id="204"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n", id="304 with length"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, id="100 first"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\ncontent-length: 9\r\n\r\n" + OK, id="103 first"),
    ],
)
async def test_a_connection_is_reused_after_any_complete_answer(serve: Serve, answer: bytes) -> None:
    report = await run(Plan(await serve(answering(answer)), clients=1, requests=5))
    assert (report.successful, report.failed, report.connections) == (5, 0, 1)


@pytest.mark.parametrize("length", [b"content-length: 500\r\n", b"transfer-encoding: chunked\r\n", b""])
async def test_an_answer_to_head_has_no_body(serve: Serve, length: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n"
    report = await run(Plan(await serve(answering(answer)), clients=1, requests=5, method="HEAD"))
    assert (report.successful, report.failed, report.connections) == (5, 0, 1)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", id="connection close"),
        pytest.param(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nuntil the connection ends", id="until the end"),
    ],
)
async def test_a_connection_that_the_server_ends_is_opened_anew(serve: Serve, answer: bytes) -> None:
    report = await run(Plan(await serve(closing_after(answer)), clients=1, requests=5))
    assert (report.successful, report.failed, report.connections, report.retried) == (5, 0, 5, 0)


async def test_a_50_mb_body_is_discarded_as_it_streams(serve: Serve) -> None:
    async def big(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
        for _ in range(50):
            writer.write(bytes(1_000_000))
            await writer.drain()

    report = await run(Plan(await serve(big), clients=1, requests=1))
    assert report.passed
    assert report.received_bytes > 50_000_000


async def test_a_dripping_body_is_waited_for(serve: Serve) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n" + bytes(20):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)

    report = await run(Plan(await serve(drip), clients=1, requests=1))
    assert report.passed
    assert report.latency.longest_seconds is not None
    assert report.latency.longest_seconds > 0.05


# Errors


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(b"this is no HTTP\r\n\r\n", "bad response", id="no HTTP"),
        pytest.param(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "bad response", id="101"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"x" * 1_200_000, "bad response", id="endless header"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", "closed early", id="cut body"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", "closed early", id="cut chunk"),
        pytest.param(b"HTTP/1.1 2", "closed early", id="cut head"),
        pytest.param(b"", "closed early", id="nothing"),
    ],
)
async def test_a_broken_answer_is_an_error_of_its_kind(serve: Serve, answer: bytes, error: str) -> None:
    report = await run(Plan(await serve(closing_after(answer)), clients=1, requests=2))
    assert report.errors == {error: 2}
    assert (report.failed, report.availability_percent) == (2, 0.0)
    assert report.latency.mean_seconds is None
    adds_up(report)


async def test_a_reset_is_an_error(serve: Serve) -> None:
    async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        await asyncio.sleep(0.02)
        reset(writer)

    report = await run(Plan(await serve(resetting), clients=1, requests=1))
    assert report.errors == {"reset": 1}


async def test_a_refused_connection_is_an_error_and_no_busy_loop() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        report = await run(Plan(f"http://127.0.0.1:{port}/", clients=2, seconds=0.3))
    assert set(report.errors) == {"connect refused"}
    assert 2 < report.failed < 30
    adds_up(report)


async def test_a_request_is_given_up_after_its_timeout(serve: Serve) -> None:
    report = await run(Plan(await serve(hang), clients=2, requests=2, timeout_seconds=0.1))
    assert report.errors == {"timeout": 2}
    assert 0.1 <= report.elapsed_seconds < 2
    adds_up(report)


async def test_after_an_outage_the_run_goes_on(serve: Serve) -> None:
    connections = 0

    async def flaky(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections > 2:
            await answering(OK)(reader, writer)

    report = await run(Plan(await serve(flaky), clients=1, requests=10))
    assert (report.failed, report.successful) == (2, 8)


# Stale connections


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_request_lost_on_a_closed_idle_connection_is_retried_once(serve: Serve, end: str) -> None:
    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK)
        await request(reader)
        if end == "reset":
            reset(writer)

    report = await run(Plan(await serve(impatient), clients=1, requests=6))
    assert (report.failed, report.successful) == (0, 6)
    assert (report.retried, report.connections) == (5, 6)


async def test_what_is_not_idempotent_is_never_sent_twice(serve: Serve) -> None:
    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK)
        await request(reader)

    report = await run(Plan(await serve(impatient), clients=1, requests=4, method="POST"))
    assert (report.errors, report.successful, report.retried) == ({"closed early": 2}, 2, 0)


async def test_a_request_that_was_partly_answered_is_never_sent_twice(serve: Serve) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK)
        await request(reader)
        writer.write(b"HTTP/1.1 2")

    report = await run(Plan(await serve(half), clients=1, requests=2))
    assert (report.errors, report.retried) == ({"closed early": 1}, 0)


async def test_what_the_server_says_unasked_is_no_answer(serve: Serve) -> None:
    async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            writer.write(OK + b"HTTP/1.1 500 Surprise\r\ncontent-length: 0\r\n\r\n")

    report = await run(Plan(await serve(talkative), clients=1, requests=3))
    assert report.codes == {200: 3}


# https


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    path = tmp_path / "shop.pem"
    path.write_text(CERTIFICATE)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


async def test_https_streams_as_http_does(serve: Serve, tls: ssl.SSLContext) -> None:
    body = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + bytes(1_000_000)
    url = await serve(answering(body), tls)
    connect = ("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]))
    report = await run(Plan("https://shop.test/", clients=2, requests=6, connect=connect, verify=False))
    assert (report.successful, report.connections) == (6, 2)
    assert report.received_bytes == 6 * len(body)


async def test_a_certificate_that_nobody_vouches_for_is_an_error(serve: Serve, tls: ssl.SSLContext) -> None:
    url = await serve(answering(OK), tls)
    connect = ("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]))
    report = await run(Plan("https://shop.test/", requests=1, connect=connect))
    assert report.errors == {"TLS failed": 1}


# Open loop


async def test_the_open_loop_keeps_its_rate(serve: Serve) -> None:
    report = await run(Plan(await serve(answering(OK)), rate=200, seconds=0.5))
    assert (report.started, report.finished, report.unstarted) == (100, 100, 0)
    assert 0.48 < report.elapsed_seconds < 2
    adds_up(report)


async def test_latency_counts_from_when_a_request_was_due(serve: Serve) -> None:
    """One client, 20 ms per answer, 100 requests per second due: the tenth waits for those before it."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            await asyncio.sleep(0.02)
            writer.write(OK)

    report = await run(Plan(await serve(slow), clients=1, rate=100, requests=10))
    assert report.latency.shortest_seconds is not None
    assert report.latency.longest_seconds is not None
    assert report.latency.shortest_seconds < 0.1 < report.latency.longest_seconds
    assert report.late > 5
    assert report.connections == 1


async def test_what_no_client_was_free_for_is_counted_as_unstarted(serve: Serve) -> None:
    report = await run(Plan(await serve(hang), clients=2, rate=100, seconds=0.2, drain_seconds=0.05))
    assert (report.started, report.unfinished, report.unstarted) == (2, 2, 18)
    assert not report.passed
    adds_up(report)
