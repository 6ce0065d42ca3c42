"""What the browser is told to enforce: nothing from elsewhere is loaded, nobody frames a page, no injected script runs.

NiceGUI's pages carry inline scripts and compile templates, so `unsafe-eval` stays; the inline scripts get a nonce,
so that markup which slips into a page (a service's name, a line of a log) runs nothing.
"""

from __future__ import annotations

import secrets

from turnout.web.asgi import App, Message, Receive, Scope, Send

_ALWAYS = (
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_OURS = (b"content-security-policy", *(name for name, _ in _ALWAYS))


class Policy:
    """Sends every answer with its policy. A page is sent whole: its scripts get their nonce on the way."""

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        held: list[Message] = []

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._sealed(message["headers"], nonce)
                if not _is_page(message):
                    await send(message)
                    return
            elif not held:
                await send(message)
                return
            held.append(message)
            if not message.get("more_body", message["type"] == "http.response.start"):
                await _send_whole(held, nonce, send)

        await self._app(scope, receive, sealed)

    def _sealed(self, headers: list[tuple[bytes, bytes]], nonce: str) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in headers if name.lower() not in _OURS]
        return [*kept, (b"content-security-policy", self._rules(nonce).encode()), *_ALWAYS]

    def _rules(self, nonce: str) -> str:
        sockets = f"ws://127.0.0.1:{self._port} ws://localhost:{self._port}"  # Safari's 'self' means no WebSocket
        rules = {
            "default-src": "'none'",
            "script-src": f"'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src": "'self' 'unsafe-inline'",
            "img-src": "'self' data:",
            "font-src": "'self'",
            "connect-src": f"'self' {sockets}",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def _is_page(start: Message) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in start["headers"])


async def _send_whole(messages: list[Message], nonce: str, send: Send) -> None:
    start, *pieces = messages
    body = b"".join(piece.get("body", b"") for piece in pieces)
    # NiceGUI escapes every `<` of what it shows, so that each of these is a script of its own.
    body = body.replace(b"<script", f'<script nonce="{nonce}"'.encode())
    kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
