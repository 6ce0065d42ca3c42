"""Who may speak to the API: whoever knows the token, at a loopback address, and no page of another site.

A page in the user's browser can send requests to loopback ports, and with DNS rebinding even under a name of its own:
so the Host must be a loopback name, and an Origin must be the server's own.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from turnout.apiserver.status import StatusError, status_object

HOSTS = ("127.0.0.1", "localhost", "[::1]")


class Gate:
    """Let through what may pass; answer everything else with a `Status`. `port` is set when the server listens."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        # kubectl sends no bearer token over plain HTTP, but the user and password of the server's URL as Basic.
        basic = base64.b64encode(f"turnout:{token}".encode())
        self._credentials = (b"bearer " + token.encode(), b"basic " + basic)
        self.port = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._objection(scope["headers"])
        if error is None:
            await self._app(scope, receive, send)
            return
        body = json.dumps(status_object(error)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        # The request's body, which nobody reads, must not be taken for the next request.
        headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _objection(self, headers: Iterable[tuple[bytes, bytes]]) -> StatusError | None:
        hosts = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
        origins = [value.decode("latin-1").lower() for name, value in headers if name == b"origin"]
        if len(hosts) != 1 or hosts[0] not in self._hosts():
            return StatusError(403, "Forbidden", f"the Host must be 127.0.0.1:{self.port} or another loopback name")
        if any(origin not in self._origins() for origin in origins):
            return StatusError(403, "Forbidden", "requests from the pages of other sites are refused")
        if not self._authorized([value for name, value in headers if name == b"authorization"]):
            return StatusError(401, "Unauthorized", "Unauthorized")
        return None

    def _hosts(self) -> set[str]:
        return {host + port for host in HOSTS for port in ("", f":{self.port}")}

    def _origins(self) -> set[str]:
        return {f"http://{host}:{self.port}" for host in HOSTS}

    def _authorized(self, values: list[bytes]) -> bool:
        if len(values) != 1:
            return False
        scheme, _, secret = values[0].partition(b" ")
        given = scheme.lower() + b" " + secret.strip()
        # Both are always compared, in constant time: how long it takes tells nothing.
        matches = [hmac.compare_digest(given, credential) for credential in self._credentials]
        return any(matches)
