"""The server a URL names: its addresses, and the bytes of a request to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, urlsplit

from turnout import __version__
from turnout.error import TurnoutError
from turnout.load.plan import Plan

P = TypeVar("P", bound=asyncio.BaseProtocol)

_PORTS = {"http": 80, "https": 443}
_KEPT_AS_TYPED = "/?%:@!$&'()*+,;=~-._"
LOAD_HEADER = "x-turnout-load"
"""Asks the gateway to name the version that answered."""


@dataclass(frozen=True, slots=True)
class Target:
    """An http or https URL, taken apart. `authority` is the Host header: without the port where it is the default."""

    scheme: str
    host: str
    port: int
    authority: str
    path: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Raises ValueError with the reason when the URL cannot be asked for."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in _PORTS:
            raise ValueError(f"{url!r}: only http:// and https:// are supported")
        if not parts.hostname:
            raise ValueError(f"{url!r} names no host")
        if parts.username is not None:
            raise ValueError(f"{url!r}: give user and password as a header: -H 'Authorization: …'")
        host = _ascii_host(parts.hostname)
        port = parts.port or _PORTS[parts.scheme]
        bracketed = f"[{host}]" if ":" in host else host
        authority = bracketed if port == _PORTS[parts.scheme] else f"{bracketed}:{port}"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port, authority, quote(path, safe=_KEPT_AS_TYPED))

    def request(self, plan: Plan) -> bytes:
        """The whole request, serialized once for the run. The plan's headers replace ours of the same name."""
        headers = {"host": self.authority, "user-agent": f"turnout-load/{__version__}", "accept": "*/*"}
        headers[LOAD_HEADER] = "1"
        if plan.body or plan.method in {"POST", "PUT", "PATCH"}:
            headers["content-length"] = str(len(plan.body))
        given = {name.lower() for name, _ in plan.headers}
        lines = [f"{name}: {value}" for name, value in headers.items() if name not in given]
        lines += [f"{name}: {value}" for name, value in plan.headers]
        head = "\r\n".join([f"{plan.method} {self.path} HTTP/1.1", *lines, "", ""])
        return head.encode("latin-1") + plan.body


def _ascii_host(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"{host!r} is no host name: {error}") from error


class Dialer:
    """Opens connections to one target; names are resolved once, so that reconnecting costs no lookup."""

    def __init__(self, addresses: list[tuple[str, int]], tls: ssl.SSLContext | None, server_name: str | None) -> None:
        self._addresses = addresses
        self._tls = tls
        self._server_name = server_name

    @classmethod
    async def resolve(cls, target: Target, plan: Plan) -> Dialer:
        """Raises TurnoutError if the name has no address."""
        host, port = plan.connect or (target.host, target.port)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            hint = "is `turnout up` running? `--connect HOST:PORT` names the address of a host that no DNS knows"
            raise TurnoutError(f"no address found for {host!r}: {error.strerror}", hint) from error
        addresses = list(dict.fromkeys((str(sockaddr[0]), int(sockaddr[1])) for *_, sockaddr in found))
        tls = _tls_context(plan.verify) if target.scheme == "https" else None
        return cls(addresses, tls, target.host if tls else None)

    async def connect(self, factory: Callable[[], P]) -> P:
        """Tries each address; the one that answered is tried first from then on. Raises OSError."""
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        for address in tuple(self._addresses):
            try:
                _, protocol = await loop.create_connection(
                    factory, *address, ssl=self._tls, server_hostname=self._server_name
                )
            except OSError as error:
                failure = error
            else:
                self._prefer(address)
                return protocol
        assert failure is not None
        raise failure

    def _prefer(self, address: tuple[str, int]) -> None:
        if self._addresses[0] != address:
            self._addresses.remove(address)
            self._addresses.insert(0, address)


def _tls_context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
