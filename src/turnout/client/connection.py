"""One kept-alive HTTP connection."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from turnout.client.door import Door
from turnout.error import ApiError

PIECE_BYTES = 1 << 16
MOST_QUOTED_BYTES = 200
UNKNOWN_KIND = b"404 page not found"
"""What a Kubernetes API server says of a group that it does not have: no `Status`, but what Go's HTTP server says."""


class Connection:
    """Requests one after another. Not for several threads.

    Raises what the door says when nobody answers (NotRunning, ClusterFailed), TurnoutError when an answer takes longer
    than `timeout_seconds`, ApiError for what the API refuses.
    """

    def __init__(self, door: Door, timeout_seconds: float | None) -> None:
        self.door = door
        self._timeout_seconds = timeout_seconds
        # http.client sets TCP_NODELAY itself, and sends head and body at once.
        self._http = door.connection(timeout_seconds)

    def connect(self) -> None:
        """Now rather than with the first request."""
        with self._failures():
            self._http.connect()

    def close(self) -> None:
        """The next request opens it again."""
        self._http.close()

    def interrupt(self) -> None:
        """From another thread: who waits for more of an answer finds it cut off."""
        open_socket = self._http.sock
        if open_socket is not None:
            with suppress(OSError):  # it has been closed meanwhile
                socket.socket.shutdown(
                    open_socket, socket.SHUT_RDWR
                )  # not TLS's own, which takes the reader's state away

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """The answer, unread.

        A GET that meets a connection just closed is sent again, once; other methods may have been carried out.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        sent = {"Accept": "application/json", **({"Content-Type": "application/json"} if data is not None else {})}
        sent |= headers or {}
        response = self._answered(method, path, data, sent)
        if response.status == 401 and self.door.renew():
            self._http.close()
            self._http = self.door.connection(self._timeout_seconds)
            response = self._answered(method, path, data, sent)
        self._check(response)
        return response

    def _answered(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        path, sent = self.door.prefix + path, {**self.door.headers(), **headers}
        reused = self._drop_if_stale()
        with self._failures():
            try:
                return self._send(method, path, data, sent)
            except ConnectionError:  # http.client.RemoteDisconnected is one
                if not reused or method != "GET":
                    raise
                self._http.close()
                return self._send(method, path, data, sent)

    def read(self, response: http.client.HTTPResponse) -> bytes:
        """The whole body; then the connection is free again."""
        with self._failures():
            return response.read()

    def lines(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """As they come, until the server ends them. Raises what the door says when they are cut off instead."""
        rest = b""
        while piece := self._piece(response):
            *complete, rest = (rest + piece).split(b"\n")
            yield from complete
        if rest:
            yield rest

    def _piece(self, response: http.client.HTTPResponse) -> bytes:
        # Not `readline`: that one takes a stream cut in the middle for one that has ended.
        with self._failures():
            return response.read1(PIECE_BYTES)

    def _send(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        self._http.request(method, path, data, headers)
        return self._http.getresponse()

    def _drop_if_stale(self) -> bool:
        """Whether an open connection is used again; one that the server closed meanwhile is at its end: drop it."""
        open_socket = self._http.sock
        if open_socket is None:
            return False
        try:
            open_socket.setblocking(False)
            open_socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            open_socket.settimeout(self._timeout_seconds)
            return True
        except OSError:
            pass
        self._http.close()
        return False

    def _check(self, response: http.client.HTTPResponse) -> None:
        """Kubernetes leaves the reason out where the code says it all."""
        if response.status < 400:
            return
        text = self.read(response)
        if (response.status, text.strip()) == (404, UNKNOWN_KIND):
            raise ApiError(404, "NotFound", "the server does not know this kind")
        try:
            status = json.loads(text)
            code, reason, message = int(status["code"]), str(status.get("reason", "")), str(status["message"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            said = text[:MOST_QUOTED_BYTES].decode(errors="replace").strip()
            raise self.door.shut(f"it answers {response.status}: {said}") from error
        if code == 401:
            raise self.door.shut(message, refused=True)
        raise ApiError(code, reason, *_hinted(message))

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            self._http.close()
            raise self.door.late(self._timeout_seconds or 0) from error
        except (OSError, http.client.HTTPException) as error:
            self._http.close()
            raise self.door.shut(str(error)) from error


def _hinted(message: str) -> tuple[str, str | None]:
    """A message as the API puts it on one line, and the hint at its end, where it has one."""
    said, begins, hint = message.partition(" (hint: ")
    return (said, hint.removesuffix(")")) if begins and hint.endswith(")") else (message, None)
