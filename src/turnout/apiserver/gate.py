"""Who may speak to the API: whoever knows the token, at a loopback address, and no page of another site."""

from __future__ import annotations

import base64
import hmac
import json

from starlette.types import ASGIApp, Receive, Scope, Send

from turnout.apiserver.status import StatusError, status_object
from turnout.loopback import Headers, foreign_origin, own_host


class Gate:
    """Let through what may pass; answer everything else with a `Status`. `port`: the server's."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        # kubectl sends no bearer token over plain HTTP, but the user and password of the server's URL as Basic.
        basic = base64.b64encode(f"turnout:{token}".encode())
        self._credentials = (b"bearer " + token.encode(), b"basic " + basic)
        self.port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._objection(scope["headers"])
        if error is None:
            await self._app(scope, receive, send)
            return
        body = json.dumps(status_object(error)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        # The request's body, which nobody reads, must not be taken for the next request.
        headers.append((b"connection", b"close"))
        prefix = "websocket." if scope["type"] == "websocket" else ""
        await send({"type": f"{prefix}http.response.start", "status": error.status, "headers": headers})
        await send({"type": f"{prefix}http.response.body", "body": body})

    def _objection(self, headers: Headers) -> StatusError | None:
        if not own_host(headers, self.port):
            return StatusError(403, "Forbidden", f"the Host must be 127.0.0.1:{self.port} or another loopback name")
        if foreign_origin(headers, self.port):
            return StatusError(403, "Forbidden", "requests from the pages of other sites are refused")
        if not self._authorized([value for name, value in headers if name == b"authorization"]):
            return StatusError(401, "Unauthorized", "Unauthorized")
        return None

    def _authorized(self, values: list[bytes]) -> bool:
        if len(values) != 1:
            return False
        scheme, _, secret = values[0].partition(b" ")
        given = scheme.lower() + b" " + secret.strip()
        # Both are always compared, in constant time: how long it takes tells nothing.
        matches = [hmac.compare_digest(given, credential) for credential in self._credentials]
        return any(matches)
