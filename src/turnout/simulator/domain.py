"""Which virtual host a Host header belongs to, in the order in which Envoy looks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from turnout.mesh.routing import RouteTable, VirtualHost

_PORT = re.compile(r":\d*$")


def covering(table: RouteTable, authority: str) -> tuple[VirtualHost, str] | None:
    """The virtual host and its domain: exact, else the longest `*.x`, else the longest `x.*`, else `*`.

    A gateway passes over the port that the header carries; a workload's way out has domains with ports.
    """
    host = authority.lower() if table.block_all else without_port(authority.lower())
    fitting = [(found, domain) for found in table.hosts for domain in found.domains if _covers(domain, host)]
    return max(fitting, key=lambda pair: _rank(pair[1]), default=None)


def without_port(authority: str) -> str:
    """As Envoy strips it: `[::1]:80` is `[::1]`, and an IPv6 address without brackets has no port."""
    if authority.count(":") > 1 and not authority.startswith("["):
        return authority
    return authority if authority.endswith("]") else _PORT.sub("", authority)


def _covers(domain: str, host: str) -> bool:
    if domain == "*":
        return True
    if domain.startswith("*"):
        return host.endswith(domain[1:]) and len(host) > len(domain) - 1
    if domain.endswith("*"):
        return host.startswith(domain[:-1]) and len(host) > len(domain) - 1
    return domain == host


def _rank(domain: str) -> tuple[int, int]:
    if domain == "*":
        return (0, 0)
    kind = 2 if domain.startswith("*") else 1 if domain.endswith("*") else 3
    return (kind, len(domain))


def known(table: RouteTable) -> Iterable[str]:
    """Every domain, for suggestions."""
    return (domain for host in table.hosts for domain in host.domains)
