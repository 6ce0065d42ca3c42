"""Where a request from outside comes in: a gateway's port, and of its TLS servers the one that SNI leads to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from turnout.mesh import gateway_servers, names
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Ingress, https_port
from turnout.mesh.routing import entrances
from turnout.simulator.domain import without_port
from turnout.simulator.request import Request

_PORTS = {"http": 80, "https": 443}


def entrance(mesh: Mesh, listen: Mapping[int, int], request: Request) -> Ingress | None:
    """By the URL's port (the Gateway's, or where it listens), else the scheme's own, else the only one that speaks it.

    `listen`: Gateway port → where it really is. None: nothing listens there, or TLS has no server for the host.
    """
    number = request.authority[len(without_port(request.authority)) :].removeprefix(":")
    for port in _candidates(listen, int(number) if number else 0, _PORTS[request.scheme]):
        ingress = Ingress(port, listen[port], https_port=https_port(listen))
        doors = [door for door in entrances(mesh, ingress) if isinstance(door, Ingress)]
        found = _secure(mesh, doors, request) if request.scheme == "https" else _plain(doors)
        if found is not None:
            return found
    return None


def _candidates(listen: Mapping[int, int], given: int, default: int) -> Iterable[int]:
    if given:
        return [port for port, real in listen.items() if given in (port, real)]
    return [default] if default in listen else list(listen)


def _plain(doors: Sequence[Ingress]) -> Ingress | None:
    return next((door for door in doors if not door.server), None)


def _secure(mesh: Mesh, doors: Sequence[Ingress], request: Request) -> Ingress | None:
    host = without_port(request.authority)
    found = {
        pattern: door
        for door in doors
        for bound in gateway_servers.servers(mesh, door.port)
        for pattern in bound.hosts
        if door.server == bound.key and names.host_matches(pattern, host)
    }
    return found[max(found, key=names.specificity)] if found else None
