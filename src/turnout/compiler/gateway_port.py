"""A gateway's port as a whole: the chains of its servers, told apart by SNI, and the secrets that they need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from turnout.memo import Memo
from turnout.mesh import routing
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Ingress, Proxy
from turnout.mesh.server_tls import ServerTLS, server_tls


@dataclass(frozen=True, slots=True)
class Entrance:
    """One filter chain of HTTP. `table`: the routes that it serves; `sni`: empty for any name, or none.

    `tls`: None where it is plain HTTP.
    """

    proxy: Proxy
    table: str
    sni: tuple[str, ...] = ()
    tls: ServerTLS | None = None


def entrances(mesh: Mesh, proxies: Iterable[Proxy], memo: Memo) -> list[Entrance]:
    """Of all listeners, those of one listener after the other."""
    entered = [entrance for proxy in proxies for entrance in routing.entrances(mesh, proxy)]
    names = routing.table_names(mesh, entered, memo)
    return [_entrance(mesh, proxy, table) for proxy, table in zip(entered, names, strict=True)]


def _entrance(mesh: Mesh, proxy: Proxy, table: str) -> Entrance:
    if not isinstance(proxy, Ingress) or not proxy.server:
        return Entrance(proxy, table)
    bound = mesh.servers[proxy.port][proxy.server]
    tls = server_tls(mesh, bound)
    assert isinstance(tls, ServerTLS), "who has no certificate is no entrance"
    return Entrance(proxy, table, tuple(sorted(bound.sni)), tls)
