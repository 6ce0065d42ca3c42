"""The client of tests: one request after the other, through a workload's way out or into a gateway's port."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse

from turnout.error import EnvoyFailed
from turnout.testing.received import Headers

LOOPBACK = "127.0.0.1"
MAX_BODY_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Tls:
    """`server_name` is sent as SNI. Without `ca_file` every certificate is accepted."""

    server_name: str
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""

    def context(self) -> ssl.SSLContext:
        """Raises OSError for files that cannot be used."""
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if not self.ca_file:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file or None)
        return context


@dataclass(frozen=True, slots=True)
class Route:
    """Where a connection goes."""

    port: int
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it goes over the wire. `target`: a path, or the whole URL for a workload's way out."""

    route: Route
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """As it came over the wire."""

    status: int
    headers: Headers
    body: bytes
    seconds: float


class Client:
    """Keeps one connection per route, and opens another where Envoy has closed it. For one thread."""

    def __init__(self) -> None:
        self._connections: dict[Route, HTTPConnection] = {}

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def exchange(self, question: Sent) -> Answer:
        """Raises TimeoutError, ssl.SSLError, and EnvoyFailed where the connection ends without an answer."""
        began = time.perf_counter()
        kept = question.route in self._connections
        try:
            status, headers, body = self._send(question)
        except (ConnectionError, HTTPException) as error:
            self._forget(question.route)
            if not kept:
                raise EnvoyFailed(f"the connection ended without an answer: {error}") from error
            status, headers, body = self._send(question)
        except OSError:
            self._forget(question.route)
            raise
        return Answer(status, headers, body, time.perf_counter() - began)

    def _forget(self, route: Route) -> None:
        connection = self._connections.pop(route, None)
        if connection is not None:
            connection.close()

    def _send(self, question: Sent) -> tuple[int, Headers, bytes]:
        connection = self._connection(question.route, question.timeout_seconds)
        connection.putrequest(question.method, question.target, skip_host=True, skip_accept_encoding=True)
        for name, value in question.headers.items():
            connection.putheader(name, value)
        connection.endheaders(question.body or None)
        response = connection.getresponse()
        content = response.read(MAX_BODY_BYTES)
        if response.will_close:
            self._forget(question.route)
        return response.status, _headers(response), content

    def _connection(self, route: Route, timeout_seconds: float) -> HTTPConnection:
        connection = self._connections.get(route)
        if connection is None:
            connection = self._connections[route] = http.client.HTTPConnection(LOOPBACK, route.port)
            connection.sock = _connected(route, timeout_seconds)
        assert connection.sock is not None, "it is kept while it is open"
        connection.sock.settimeout(timeout_seconds)
        return connection


def _connected(route: Route, timeout_seconds: float) -> socket.socket:
    plain = socket.create_connection((LOOPBACK, route.port), timeout_seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return route.tls.context().wrap_socket(plain, server_hostname=route.tls.server_name) if route.tls else plain


def _headers(response: HTTPResponse) -> Headers:
    return Headers(response.getheaders())


def asked_by_many(questions: Sequence[Sent], clients: int) -> list[Answer]:
    """The answers in the order of the questions; `clients` ask at the same time. Raises as `exchange`."""
    with ThreadPoolExecutor(clients) as pool:
        parts = list(pool.map(_asked, (questions[first::clients] for first in range(clients))))
    found: list[Answer] = [parts[at % clients][at // clients] for at in range(len(questions))]
    return found


def _asked(questions: Sequence[Sent]) -> list[Answer]:
    client = Client()
    try:
        return [client.exchange(question) for question in questions]
    finally:
        client.close()
