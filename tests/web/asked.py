"""One request through ASGI applications, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from turnout.web.asgi import App, Message, Receive, Scope, Send

PORT = 4711
HOST = f"127.0.0.1:{PORT}"
SECRET_PAGE = b"<html><script>all that is secret</script></html>"


@dataclass(slots=True)
class Answer:
    """`status` 0: the request was closed, as a WebSocket is, without an HTTP answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    """What a gate keeps: a page, in two pieces, or an accepted WebSocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    kind = b"application/javascript" if scope["path"].endswith(".js") else b"text/html; charset=utf-8"
    headers = [(b"content-type", kind), (b"content-length", str(len(SECRET_PAGE)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": SECRET_PAGE[:10], "more_body": True})
    await send({"type": "http.response.body", "body": SECRET_PAGE[10:]})


def ask(
    app: App,
    target: str = "/",
    *,
    method: str = "GET",
    kind: str = "http",
    host: str | None = HOST,
    headers: Sequence[tuple[str, str]] = (),
) -> Answer:
    """`target`: path and query. The `Host` is the server's own unless another one is given."""
    split = urlsplit(target) if not target.startswith("//") else None
    sent = [("host", host)] if host is not None else []
    scope: dict[str, Any] = {
        "type": kind,
        "method": method,
        "path": split.path if split else target.partition("?")[0],
        "query_string": (split.query if split else target.partition("?")[2]).encode(),
        "headers": [(name.encode(), value.encode()) for name, value in [*sent, *headers]],
    }
    answer = Answer()

    async def receive() -> Message:
        raise AssertionError("nobody reads what is refused")

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            answer.body += message["body"]
        elif message["type"] == "websocket.accept":
            answer.status = 101

    asyncio.run(_run(app, scope, receive, send))
    return answer


async def _run(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)
