"""One POST to a webhook, signed, within its time whatever the other side does."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from turnout import __version__
from turnout.error import HookFailed

SIGNATURE = "X-Turnout-Signature"
_NOT_NOW = frozenset({408, 425, 429})


def signature(body: bytes, secret: bytes) -> str:
    """As GitHub signs: `sha256=` and the HMAC of the body's bytes, in hexadecimal digits."""
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def place(url: str) -> str:
    """Where a URL leads, without what may be a secret: its path, its query, its user."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def post(url: str, body: bytes, secret: bytes, timeout_seconds: float) -> None:
    """Returns when it was taken (2xx). Redirects are not followed. Raises HookFailed, ValueError (the URL)."""
    parts = urlsplit(url)
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = made(parts.hostname or "", parts.port, timeout=timeout_seconds)
    late = threading.Event()
    overdue = threading.Timer(timeout_seconds, _cut, [connection, late])
    overdue.daemon = True
    overdue.start()
    try:
        status = _status(connection, parts, body, _headers(body, secret))
    except TimeoutError as error:
        raise HookFailed("no answer in time", again=True) from error
    except (OSError, http.client.HTTPException, AttributeError) as error:  # a connection that was cut has no socket
        raise HookFailed("no answer in time" if late.is_set() else f"no answer: {error}", again=True) from error
    finally:
        overdue.cancel()
        connection.close()
    if not 200 <= status < 300:
        raise HookFailed(f"it answered {status}", again=status >= 500 or status in _NOT_NOW)


def _headers(body: bytes, secret: bytes) -> Mapping[str, str]:
    plain = {"Content-Type": "application/json", "User-Agent": f"turnout/{__version__}", "Connection": "close"}
    return plain | ({SIGNATURE: signature(body, secret)} if secret else {})


def _status(connection: http.client.HTTPConnection, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> int:
    """The answer's body is not read."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("POST", target, body, dict(headers))
    return connection.getresponse().status


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """A socket's own timeout begins anew with every byte that drips in."""
    late.set()
    with suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
