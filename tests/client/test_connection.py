"""What happens to a kept-alive connection, against sockets that misbehave."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from turnout.client import Client, find_state
from turnout.client.connection import Connection
from turnout.client.state import Address, Local, read_address
from turnout.error import ApiError, NotRunning, TurnoutError
from turnout.resources.kinds import POD

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLOSE_AFTER = b"!"
"""At the end of an answer: send what stands before it, then close without having announced it."""


class Peer:
    """A server that answers its requests with `answers`, one by one: b"" closes the connection without an answer."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self.closed = threading.Event()
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while self._answers:
                connection, _ = self._listener.accept()
                self.connections += 1
                with closing(connection):
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        while self._answers and (request := connection.recv(65536)):
            self.requests.append(request.split(b" ", 1)[0].decode())
            answer = self._answers.pop(0)
            if not answer:
                return
            connection.sendall(answer.removesuffix(CLOSE_AFTER))
            if answer.endswith(CLOSE_AFTER) or b"Connection: close" in answer:
                connection.close()
                self.closed.set()
                return

    def close(self) -> None:
        self._answers.clear()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


Start = Callable[..., tuple[Peer, Client]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    opened: list[Peer | Client] = []

    def run(*answers: bytes, timeout_seconds: float = 10) -> tuple[Peer, Client]:
        peer = Peer(answers)
        client = Client(Connection(Local(Address("127.0.0.1", peer.port, "token"), tmp_path), timeout_seconds))
        opened.extend((client, peer))
        return peer, client

    yield run
    for thing in opened:
        thing.close()


def test_one_connection_serves_many_calls(start: Start) -> None:
    peer, client = start(OK, OK, OK)
    for _ in range(3):
        client.view("a")
    assert peer.connections == 1


def test_a_read_that_meets_a_closing_connection_is_sent_again_once(start: Start) -> None:
    peer, client = start(OK, b"", OK)
    client.view("a")
    client.view("a")
    assert (peer.requests, peer.connections) == (["GET", "GET", "GET"], 2)


def test_a_read_is_not_sent_a_third_time(start: Start) -> None:
    peer, client = start(OK, b"", b"", OK)
    client.view("a")
    with pytest.raises(NotRunning):
        client.view("a")
    assert peer.requests == ["GET", "GET", "GET"]


def test_a_write_is_never_sent_twice(start: Start) -> None:
    peer, client = start(OK, b"", OK)
    client.view("a")
    with pytest.raises(NotRunning):
        client.patch(POD, "default", "a", {})
    assert peer.requests == ["GET", "PATCH"]


def test_a_write_does_not_use_a_connection_that_was_closed_meanwhile(start: Start) -> None:
    peer, client = start(OK + CLOSE_AFTER, OK)
    client.view("a")
    assert peer.closed.wait(10)
    client.patch(POD, "default", "a", {})
    assert (peer.requests, peer.connections) == (["GET", "PATCH"], 2)


def test_an_answer_that_takes_too_long_is_said_so(start: Start) -> None:
    _, client = start(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", OK, timeout_seconds=0.1)
    with pytest.raises(TurnoutError, match="no answer"):
        client.view("a")


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope"]
)
def test_another_program_on_the_port_is_not_taken_for_turnout(start: Start, answer: bytes) -> None:
    _, client = start(answer)
    with pytest.raises(NotRunning):
        client.view("a")


def test_a_stream_cut_in_the_middle_is_no_end(start: Start) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    _, client = start(head + b"5\r\nline\n\r\n")
    lines = client.stream("logs")
    assert next(lines) == "line"
    with pytest.raises(NotRunning):
        next(lines)


def test_another_instance_on_the_port_is_not_taken_for_this_one(start: Start) -> None:
    body = json.dumps({"kind": "Status", "code": 401, "reason": "Unauthorized", "message": "no"}).encode()
    head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    _, client = start(head + body)
    with pytest.raises(NotRunning):
        client.view("a")


def test_nothing_listening_is_not_running(state: Path, start: Start) -> None:
    peer, _ = start()
    peer.close()
    write_kubeconfig(state, f"http://127.0.0.1:{peer.port}")
    with pytest.raises(NotRunning, match="nothing is running") as raised:
        Client.from_state(state)
    assert "turnout up" in str(raised.value.hint)


def write_kubeconfig(state: Path, server: str) -> None:
    cluster = {"server": "https://127.0.0.1:1", "extensions": [{"name": "x", "extension": {"server": server}}]}
    config = {"clusters": [{"cluster": cluster}], "users": [{"user": {"token": "secret"}}]}
    (state / "kubeconfig").write_text(json.dumps(config))


def test_no_kubeconfig_is_not_running(state: Path) -> None:
    with pytest.raises(NotRunning):
        Client.from_state(state)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "apiVersion: v1", '{"clusters": []}', "\xff"])
def test_a_kubeconfig_that_cannot_be_read_is_not_running(state: Path, text: str) -> None:
    (state / "kubeconfig").write_bytes(text.encode("latin-1"))
    with pytest.raises(NotRunning, match="cannot be read"):
        Client.from_state(state)


def test_the_address_without_tls_comes_from_the_kubeconfig(state: Path) -> None:
    write_kubeconfig(state, "http://127.0.0.1:1234")
    assert read_address(state) == Address("127.0.0.1", 1234, "secret")


def test_the_state_is_the_folders_or_its_nearest_parents(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / ".turnout").mkdir()
    assert find_state(deep) == tmp_path / ".turnout"
    (tmp_path / "a" / ".turnout").mkdir()
    assert find_state(deep) == tmp_path / "a" / ".turnout"
    (deep / ".turnout").write_text("a file is no state")
    assert find_state(deep) == tmp_path / "a" / ".turnout"


def test_without_any_state_it_would_be_beside_the_project(tmp_path: Path) -> None:
    assert find_state(tmp_path) == tmp_path / ".turnout"


def test_errors_of_the_api_keep_their_status(start: Start) -> None:
    body = json.dumps({"kind": "Status", "code": 409, "reason": "Conflict", "message": "changed"}).encode()
    _, client = start(b"HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\n\r\n" % len(body) + body, OK)
    with pytest.raises(ApiError, match="changed"):
        client.view("a")
    assert client.view("a") == {}


def test_a_group_that_a_cluster_does_not_have_is_not_found(start: Start) -> None:
    """Of it a Kubernetes API server says what Go's HTTP server says of any unknown path."""
    said = b"404 page not found\n"
    _, client = start(
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s"
        % (len(said), said)
    )
    with pytest.raises(ApiError) as refusal:
        client.list(POD)
    assert refusal.value.status == 404
