"""A set of domains that share their rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from turnout.mesh.rule import Rule
from turnout.mesh.tcp import TcpRule


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """Rules are tried in order; none at all answers 404. `require_tls`: whatever comes in plain text is redirected.

    `https_port`: where to; 0 for the same host and port, as Istio does it.
    `tcp`: its connections are passed on unread, as that says, and it has no rules. A plain request goes there, too.
    """

    name: str
    domains: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    require_tls: bool = False
    https_port: int = 0
    tcp: TcpRule | None = None


def distinct(hosts: Iterable[VirtualHost]) -> tuple[VirtualHost, ...]:
    """Each name and each domain once (lower-cased; the first keeps it), sorted by name: Envoy refuses anything else."""
    names: set[str] = set()
    seen: set[str] = set()
    kept = []
    for host in hosts:
        domains = tuple(d for d in dict.fromkeys(d.lower() for d in host.domains) if d not in seen)
        if not domains or host.name in names:
            continue
        names.add(host.name)
        seen.update(domains)
        kept.append(host if domains == host.domains else replace(host, domains=domains))
    return tuple(sorted(kept, key=lambda host: host.name))
