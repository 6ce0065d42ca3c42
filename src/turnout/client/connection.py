"""One kept-alive HTTP connection."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from turnout.client.state import Address, not_running
from turnout.error import ApiError, NotRunning, TurnoutError

PIECE_BYTES = 1 << 16


class Connection:
    """Requests one after another; `state` is what messages name. Not for several threads.

    Raises NotRunning when nobody answers, TurnoutError when an answer takes longer than `timeout_seconds`, ApiError
    for what the API refuses.
    """

    def __init__(self, address: Address, state: Path, timeout_seconds: float | None) -> None:
        self.address = address
        self.state = state
        self._timeout_seconds = timeout_seconds
        # http.client sets TCP_NODELAY itself, and sends head and body at once.
        self._http = http.client.HTTPConnection(address.host, address.port, timeout=timeout_seconds)

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
                open_socket.shutdown(socket.SHUT_RDWR)

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """The answer, unread.

        A GET that meets a connection just closed is sent again, once; other methods may have been carried out.
        """
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        sent = {"Authorization": f"Bearer {self.address.token}", "Accept": "application/json"}
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        reused = self._drop_if_stale()
        with self._failures():
            try:
                response = self._send(method, path, data, sent)
            except ConnectionError:  # http.client.RemoteDisconnected is one
                if not reused or method != "GET":
                    raise
                self._http.close()
                response = self._send(method, path, data, sent)
        self._check(response)
        return response

    def read(self, response: http.client.HTTPResponse) -> bytes:
        """The whole body; then the connection is free again."""
        with self._failures():
            return response.read()

    def lines(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """As they come, until the server ends them. Raises NotRunning when they are cut off instead."""
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
        except BlockingIOError:
            open_socket.settimeout(self._timeout_seconds)
            return True
        except OSError:
            pass
        self._http.close()
        return False

    def _check(self, response: http.client.HTTPResponse) -> None:
        if response.status < 400:
            return
        text = self.read(response)
        try:
            status = json.loads(text)
            code, reason, message = int(status["code"]), str(status["reason"]), str(status["message"])
        except (ValueError, LookupError, TypeError) as error:
            raise NotRunning(
                f"what listens on port {self.address.port} is not Turnout", "start `turnout up`"
            ) from error
        if code == 401:
            # The port of an instance that is gone went to another one.
            raise not_running(self.state)
        raise ApiError(code, reason, *_hinted(message))

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            self._http.close()
            message = f"no answer from port {self.address.port} within {self._timeout_seconds} s"
            raise TurnoutError(message, "see `turnout logs`, or end it with `turnout down`") from error
        except (OSError, http.client.HTTPException) as error:
            self._http.close()
            raise not_running(self.state) from error


def _hinted(message: str) -> tuple[str, str | None]:
    """A message as the API puts it on one line, and the hint at its end, where it has one."""
    said, begins, hint = message.partition(" (hint: ")
    return (said, hint.removesuffix(")")) if begins and hint.endswith(")") else (message, None)
