"""A pretend request, as a client sends it and as a proxy routes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from turnout.simulator.path import normalized

_URL = re.compile(r"(?:(?P<scheme>https?)://)?(?P<authority>[^/?#]*)(?P<path>[^#]*)(?:#.*)?", re.IGNORECASE)
_MADE_UP = "(made up by Envoy)"
_IMPLIED = {"x-forwarded-proto": "http", "x-request-id": _MADE_UP, "x-turnout-id": _MADE_UP}
"""What a proxy adds before it looks for a route, unless the client has said it."""


@dataclass(frozen=True, slots=True)
class Request:
    """`path` may have a query. `headers` in the client's order; a name may come several times."""

    method: str
    authority: str
    path: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    scheme: str = "http"


def request(method: str, url: str, headers: Iterable[tuple[str, str]] = ()) -> Request | None:
    """From what one would give curl. A Host header counts instead of the URL's host. None: no URL."""
    found = _URL.fullmatch(url.strip())
    given = tuple(headers)
    if found is None or not found["authority"]:
        return None
    host = next((value for name, value in given if name.lower() == "host"), found["authority"].rpartition("@")[2])
    path = found["path"] if found["path"].startswith("/") else f"/{found['path']}"
    own = tuple((name, value) for name, value in given if name.lower() != "host")
    return Request(method.upper(), host, _encoded(path), own, (found["scheme"] or "http").lower())


def _encoded(path: str) -> str:
    """What clients write differently: blanks, and characters outside ASCII."""
    return "".join(
        char if 0x20 < ord(char) < 0x7F else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in path
    )


def arrived(sent: Request) -> dict[str, str] | None:
    """Header names in lower case, values of one name joined, and `:method` and the like. None: Envoy answers 400."""
    path = normalized(sent.path)
    if path is None:
        return None
    found = {":method": sent.method, ":scheme": sent.scheme, ":authority": sent.authority, ":path": path}
    for name, value in sent.headers:
        key = name.strip().lower()
        found[key] = f"{found[key]},{value.strip()}" if key in found else value.strip()
    return {**_IMPLIED, "x-forwarded-proto": sent.scheme, **found}
