"""Names that the local gateway serves: they are reached without /etc/hosts or DNS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from turnout.load.target import Target

_LOCAL_SUFFIXES = (".test", ".localhost")
_USUAL_PORTS = {80: 8080, 443: 8443}
"""Where the gateway listens unless `turnout up` was told otherwise."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A server of a Gateway of the running instance: its hosts, its port in the mesh, and where it really listens."""

    hosts: tuple[str, ...]
    port: int
    listens: int

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Listener:
        """From an entry of `gateways` in the `status` view."""
        return cls(tuple(entry["hosts"]), entry["port"], entry["listens"])

    def serves(self, host: str) -> bool:
        """Whether a host of it names this one. A bare `*` does not: it would take every name of the internet."""
        names = (name.rpartition("/")[2].lower() for name in self.hosts)
        return any(name == host or (name.startswith("*.") and host.endswith(name[1:])) for name in names)


def may_serve(host: str) -> bool:
    """An address, or `localhost`, is meant as it is written."""
    try:
        ip_address(host)
    except ValueError:
        return host != "localhost"
    return False


def address(target: Target, listeners: Iterable[Listener]) -> tuple[str, int] | None:
    """Where the local gateway listens for this target; None if it does not serve it.

    Names in .test and .localhost (RFC 6761) can only be local: those go there even if no instance is known.
    """
    known = tuple(listeners)
    if target.host.endswith(_LOCAL_SUFFIXES) or any(listener.serves(target.host) for listener in known):
        return "127.0.0.1", _port(known, target.port)
    return None


def _port(listeners: tuple[Listener, ...], port: int) -> int:
    for listener in listeners:
        if listener.port == port:
            return listener.listens
    # Written as the gateway listens: http://name.test:8080/.
    listens = {listener.listens for listener in listeners}
    return port if port in listens else _USUAL_PORTS.get(port, port)
