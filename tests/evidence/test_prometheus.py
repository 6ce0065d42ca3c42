"""What is made of a Prometheus' answers, and of whatever else may answer at its address."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from turnout.error import EvidenceFailed
from turnout.evidence import prometheus
from turnout.evidence.finding import Prometheus


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of one who answers so, once."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_one() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=answer_one)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def told(*values: str, status: str = "200 OK", **body: Any) -> bytes:
    """As Prometheus tells a vector."""
    result = [{"metric": {}, "value": [1.5, value]} for value in values]
    given = body or {"status": "success", "data": {"resultType": "vector", "result": result}}
    return f"HTTP/1.1 {status}\r\nconnection: close\r\n\r\n{json.dumps(given)}".encode()


def test_one_number_is_a_count_and_nothing_is_none() -> None:
    with answering(told("17")) as server:
        assert prometheus.value(server, "sum(x)") == 17
    with answering(told()) as server:
        assert prometheus.value(server, "sum(x)") is None
    with answering(told(data={"resultType": "scalar", "result": [1.5, "3"]})) as server:
        assert prometheus.value(server, "scalar(x)") == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (told("1", "2"), "x gives 2 series"),
        (told("NaN"), "x gives nan, which is no count"),
        (told("+Inf"), "x gives inf, which is no count"),
        (told("-1"), "x gives -1, which is no count"),
        (told(data={"resultType": "string", "result": 3}), "answers x in an unknown way"),
        (told(status="400 Bad Request", error="parse error"), "Prometheus refuses x: parse error"),
        (told(status="502 Bad Gateway"), "Prometheus refuses x: HTTP Error 502"),
        (b"SSH-2.0-OpenSSH_9\r\n", "cannot ask Prometheus at http://127.0.0.1"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "cannot ask Prometheus at http://127.0.0.1"),
        (b"", "cannot ask Prometheus at http://127.0.0.1"),
    ],
)
def test_what_is_no_count_is_said(answer: bytes, words: str) -> None:
    with answering(answer) as server, pytest.raises(EvidenceFailed) as caught:
        prometheus.value(server, "x")
    assert words in caught.value.message


def test_a_proxy_is_not_asked_the_way_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")
    with answering(told("17")) as server:
        assert prometheus.value(server, "x") == 17


def test_who_stands_in_the_address_is_shown_to_prometheus_and_to_nobody_else() -> None:
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_one() -> None:
            connection, _ = server.accept()
            with connection:
                seen.append(connection.recv(65536))
                connection.sendall(told("17"))

        thread = threading.Thread(target=answer_one)
        thread.start()
        port = server.getsockname()[1]
        assert prometheus.value(f"http://me:s%40fe@127.0.0.1:{port}", "x") == 17
        thread.join()

    assert b"Authorization: Basic bWU6c0BmZQ==" in seen[0]
    with pytest.raises(EvidenceFailed) as raised:
        prometheus.value("http://me:s%40fe@127.0.0.1:1", "x")
    assert "s%40fe" not in raised.value.message
    assert Prometheus(url="http://me:s%40fe@a:9090/x").name == "http://a:9090/x"


def test_a_file_is_no_prometheus() -> None:
    with pytest.raises(EvidenceFailed, match="is no address"):
        prometheus.value("file:///etc/passwd?", "x")
