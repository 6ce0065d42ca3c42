"""Which requests come from this machine's own user: what a server on loopback must check besides a secret.

A page in the user's browser can send requests to loopback ports, and with DNS rebinding even under a name of its own:
so the Host must be a loopback name, and an Origin must be the server's own.
"""

from __future__ import annotations

from collections.abc import Collection

HOSTS = ("127.0.0.1", "localhost", "[::1]")

Headers = Collection[tuple[bytes, bytes]]
"""As ASGI has them: names in lower case."""


def own_hosts(port: int) -> set[str]:
    """What `Host` may say: a loopback name with the server's port."""
    return {f"{host}:{port}" for host in HOSTS}


def own_origins(port: int) -> set[str]:
    """What `Origin` says in requests of the server's own pages."""
    return {f"http://{host}:{port}" for host in HOSTS}


def values(headers: Headers, name: bytes) -> list[str]:
    """All values of one header, in lower case."""
    return [value.decode("latin-1").lower() for key, value in headers if key == name]


def own_host(headers: Headers, port: int) -> bool:
    """Whether there is exactly one `Host`, and it names this server. A browser leaves out no port but 80."""
    hosts = values(headers, b"host")
    return len(hosts) == 1 and hosts[0] in own_hosts(port) | set(HOSTS)


def foreign_origin(headers: Headers, port: int) -> bool:
    """Whether the page of another site asks; a request without an Origin is no page's."""
    return any(origin not in own_origins(port) for origin in values(headers, b"origin"))
