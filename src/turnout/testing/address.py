"""A URL, as far as a request needs it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from turnout.error import TurnoutError

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """`authority` is what the Host header says; `target` is path and query."""

    scheme: str
    host: str
    port: int
    authority: str
    target: str

    @property
    def secure(self) -> bool:
        return self.scheme == "https"


def address(url: str) -> Address:
    """Raises TurnoutError for what is no URL of a service."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TurnoutError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise TurnoutError(f"{url!r} is no URL: it is written as http://reviews/ or http://reviews.shop:9080/path")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, parts.hostname, port or PORTS[parts.scheme], parts.netloc.rpartition("@")[2], target)
