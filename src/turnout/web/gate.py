"""Who may see the dashboard: the user's own browser, on the dashboard's own pages, with the cookie that the link gives.

SameSite=Lax, not Strict: with Strict a link that is clicked in a chat, an IDE or another page would arrive without the
cookie that its own redirect has just set. Lax adds nothing for others: top-level GETs change nothing here, and what
other programs serve on loopback counts as the same site for either; Origin and Sec-Fetch-Site keep those out.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode

from turnout.loopback import Headers, foreign_origin, own_hosts, values
from turnout.web.asgi import App, Receive, Scope, Send
from turnout.web.key import cookie_secret, link_secret

TOKEN = "token"  # noqa: S105 - the parameter's name
_UNLOCK = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Turnout: open it with its link</title>
<style>
  :root { color-scheme: light dark }
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto; padding: 0 1.5rem }
  code { font: 0.95em ui-monospace, monospace; padding: 0.1em 0.4em; border: 1px solid #8886; border-radius: 4px }
</style>
<h1>This dashboard opens with its link</h1>
<p>Run <code>turnout dashboard</code> in the project's folder: it prints the link and opens it. <code>turnout up</code>
prints it too.</p>
<p>The link is needed once for each browser. It keeps other users and other pages away from your services.</p>
</html>
"""


class Gate:
    """Lets through what may pass, HTTP and WebSocket alike; nothing else learns anything, not even a static file."""

    def __init__(self, app: App, token: str, port: int) -> None:
        self._app = app
        self._port = port
        self._link = link_secret(token)
        self._cookie = cookie_secret(token)
        # Cookies ignore ports: two dashboards of one browser would log each other out.
        self._name = f"turnout-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers: Headers = scope["headers"]
        if self._foreign(scope["type"], headers):
            await self._refuse(scope, send, 403, "text/plain; charset=utf-8", "requests from elsewhere are refused\n")
        elif scope["type"] == "http" and self._brings_link(scope):
            await _redirect(send, self._without_token(scope), self._new_cookie())
        elif not self._has_cookie(headers):
            await self._refuse(scope, send, 401, "text/html; charset=utf-8", _UNLOCK)
        elif scope["type"] == "http" and self._mentions_token(scope):  # an old link, in a browser that has the cookie
            await _redirect(send, self._without_token(scope), None)
        else:
            await self._app(scope, receive, send)

    # --- where from

    def _foreign(self, kind: str, headers: Headers) -> bool:
        hosts = values(headers, b"host")
        if len(hosts) != 1 or hosts[0] not in own_hosts(self._port) or foreign_origin(headers, self._port):
            return True
        if kind == "websocket" and not values(headers, b"origin"):
            return True
        return _embedded(headers)

    # --- what it knows

    def _brings_link(self, scope: Scope) -> bool:
        given = [value for name, value in _query(scope) if name == TOKEN]
        return scope["method"] == "GET" and len(given) == 1 and _same(given[0], self._link)

    def _mentions_token(self, scope: Scope) -> bool:
        return scope["method"] == "GET" and any(name == TOKEN for name, _ in _query(scope))

    def _has_cookie(self, headers: Headers) -> bool:
        found = [_same(value, self._cookie) for value in _cookies(headers, self._name)]
        return any(found)

    def _new_cookie(self) -> str:
        return f"{self._name}={self._cookie}; HttpOnly; SameSite=Lax; Path=/"

    # --- answers

    def _without_token(self, scope: Scope) -> str:
        rest = urlencode([(name, value) for name, value in _query(scope) if name != TOKEN])
        # One slash: `//evil.example` would lead to another site.
        path = "/" + quote(scope["path"].lstrip("/\\"), safe="/")
        return f"{path}?{rest}" if rest else path

    async def _refuse(self, scope: Scope, send: Send, status: int, kind: str, text: str) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        body = text.encode()
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        # The request's body, which nobody reads, must not be taken for the next request.
        headers += [(b"cache-control", b"no-store"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _redirect(send: Send, location: str, cookie: str | None) -> None:
    headers = [(b"location", location.encode()), (b"cache-control", b"no-store"), (b"content-length", b"0")]
    headers += [(b"set-cookie", cookie.encode())] if cookie else []
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _embedded(headers: Headers) -> bool:
    """Whether a page of another site or port fetches it, as a script or an image for one: those have no Origin."""
    sites, modes = values(headers, b"sec-fetch-site"), values(headers, b"sec-fetch-mode")
    return any(site in {"cross-site", "same-site"} for site in sites) and modes != ["navigate"]


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _cookies(headers: Headers, name: str) -> Iterator[str]:
    for key, value in headers:
        if key == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                given, _, content = pair.strip().partition("=")
                if given == name:
                    yield content


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())
