"""Each row of the table in docs/security.md: who is refused, and what is bounded."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.apiserver.samples import TOKEN, Served

from turnout.apiserver import connection, stream
from turnout.apiserver.metadata import MAX_BYTES

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
LINE = f"Authorization: Bearer {TOKEN}\r\n"


def test_the_table_names_these_tests() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT.read_text()))
    here = {name for name in globals() if name.startswith("test_")} - {"test_the_table_names_these_tests"}
    assert named == here


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/api/v1/secrets", "/turnout/v1/status", "/metrics", "/openapi/v3", "/", "/x"])
def test_no_token(shared: Served, method: str, path: str) -> None:
    assert shared.request(method, path, None, {"Authorization": ""})[0].status == 401


def test_websocket(shared: Served) -> None:
    path, key = "/api/v1/namespaces/default/pods/a/exec?command=ls", "AAAAAAAAAAAAAAAAAAAAAA=="
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    for wrong in ("", "Bearer x"):
        assert shared.request("GET", path, None, {**upgrade, "Authorization": wrong})[0].status == 401
    assert shared.request("GET", path, None, {**upgrade, "Origin": "http://evil.test"})[0].status == 403
    assert shared.request("GET", path, None, upgrade)[0].status == 404


def test_wrong_token(shared: Served) -> None:
    for wrong in (TOKEN[:-1], f"{TOKEN}x", "x" * len(TOKEN), "", "a" * 100_000):
        assert shared.request("GET", ACCOUNTS, None, {"Authorization": f"Bearer {wrong}"})[0].status == 401
    two = f"GET {ACCOUNTS} HTTP/1.1\r\nHost: 127.0.0.1\r\n{LINE}Authorization: Bearer x\r\n\r\n"
    assert status_of(shared, two.encode()) == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0", "localhost:1", ""])
def test_foreign_host(shared: Served, host: str) -> None:
    raw = f"GET {ACCOUNTS} HTTP/1.1\r\nHost: {host}\r\n{LINE}\r\n"
    assert status_of(shared, raw.encode()) == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "file://"])
def test_foreign_origin(shared: Served, origin: str) -> None:
    for method in ("GET", "POST"):
        assert shared.request(method, ACCOUNTS, {}, {"Origin": origin})[0].status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/api/v1/namespaces/../../../etc/passwd",
        "/api/v1/namespaces/default/pods/..%2f..%2fetc%2fpasswd",
        "/api/v1/namespaces/..%2fdefault/pods/a",
        "/openapi/v3/..%2f..%2fetc/passwd",
        "/turnout/v1/../../etc/passwd",
        "/turnout/v1/..%2f..%2fstate.db",
        "/apis/..%2f..%2fx/v1/pods",
        "//etc/passwd",
    ],
)
def test_path_traversal(shared: Served, path: str) -> None:
    assert shared.request("GET", path)[0].status in (400, 404)
    name = path.strip("/")
    response, status = shared.request("POST", ACCOUNTS, {"metadata": {"name": name}})
    assert (response.status, status["reason"]) == (422, "Invalid")
    assert shared.request("POST", ACCOUNTS, {"metadata": {"name": "a", "namespace": name}})[0].status in (400, 422)


def test_oversized_body(shared: Served) -> None:
    """Also where nobody says beforehand how long it will be; the server does not read on."""
    large = json.dumps({"metadata": {"name": "a", "annotations": {"x": "x" * MAX_BYTES}}}).encode()
    assert shared.request("POST", ACCOUNTS, large)[0].status == 413
    head = f"POST {ACCOUNTS} HTTP/1.1\r\nHost: 127.0.0.1\r\n{LINE}Content-Type: application/json\r\n"
    chunk = f"{1 << 20:x}\r\n".encode() + b" " * (1 << 20) + b"\r\n"
    assert status_of(shared, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 4) == 413


def test_deep_body(shared: Served) -> None:
    assert shared.request("POST", ACCOUNTS, b'{"a":' * 100_000 + b"1" + b"}" * 100_000)[0].status == 400
    yaml = {"Content-Type": "application/apply-patch+yaml"}
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
    )
    assert shared.request("PATCH", f"{ACCOUNTS}/a?fieldManager=x", bomb.encode(), yaml)[0].status == 400


def test_large_head(shared: Served) -> None:
    """Without a token: nothing is kept of it, and the connection ends."""
    with closing(socket.create_connection(("127.0.0.1", shared.port), timeout=10)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: ")
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            client.sendall(b"x" * (64 << 20))


def test_slow_head(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    for beginning in (b"", b"GET / HT"):
        with closing(socket.create_connection(("127.0.0.1", shared.port), timeout=10)) as client:
            client.sendall(beginning)
            assert is_closed(client)


def test_many_connections(shared: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_OPEN", 20)
    clients = [socket.create_connection(("127.0.0.1", shared.port), timeout=10) for _ in range(100)]
    try:
        refused = sum(is_closed(client) for client in clients[-70:])
    finally:
        for client in clients:
            client.close()
    assert refused == 70
    until_answered(shared)


def test_ten_thousand_watches(served: Served) -> None:
    """Of those who hold the token: so many are served, the others are told so, and who comes after is answered."""
    answers = asyncio.run(watches(served.port, wanted=10_000))
    assert answers == {200: stream.MAX_STREAMS, 429: 10_000 - stream.MAX_STREAMS}
    until_answered(served)


async def watches(port: int, wanted: int) -> Counter[int]:
    """Status → how many. A refused watch's connection asks for the next; all stay open until the last is answered."""
    left = iter(range(wanted))
    answers: Counter[int] = Counter()
    writers = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        for _ in left:
            writer.write(f"GET {ACCOUNTS}?watch=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n{LINE}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split()[1])
            answers[status] += 1
            if status == 200:
                return
            length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index] # it has one
            await reader.readexactly(length)

    await asyncio.gather(*(client() for _ in range(stream.MAX_STREAMS + 50)))
    for writer in writers:
        writer.close()
    return answers


def status_of(served: Served, raw: bytes) -> int:
    """What a request is answered that no library would send."""
    with closing(socket.create_connection(("127.0.0.1", served.port), timeout=10)) as client:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has read enough
            client.sendall(raw)
        with closing(http.client.HTTPResponse(client)) as response:
            response.begin()
            return response.status


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def until_answered(served: Served) -> None:
    end = time.monotonic() + 5
    while True:
        try:
            if served.request("GET", f"{ACCOUNTS}?watch=1&timeoutSeconds=0")[0].status == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < end, "nobody is let in any more"
