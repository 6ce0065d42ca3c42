"""Which port a proxy listens on: a gateway's by rule, a workload's way out wherever there is room, kept for good."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from turnout.database import Records
from turnout.error import PortTaken, StateBroken
from turnout.mesh.proxy import Outlet
from turnout.problem import ObjectPath, Problem
from turnout.process import port_holder
from turnout.resources.codes import problem
from turnout.workloads.ports import Ports, free

_UNPRIVILEGED = 1024
_OFFSET = 8000


def listening(ports: Iterable[int], chosen: Mapping[int, int]) -> dict[int, int]:
    """Gateway port → where it listens; the first of those that would listen on one port."""
    found: dict[int, int] = {}
    for port in sorted(ports):
        listen = gateway_port(port, chosen)
        if listen not in found.values():
            found[port] = listen
    return found


def collisions(wanted: Mapping[int, ObjectPath], chosen: Mapping[int, int]) -> Iterator[Problem]:
    """The ports that `listening` leaves out; `wanted` says where each stands."""
    served = {listen: port for port, listen in listening(wanted, chosen).items()}
    for port, where in sorted(wanted.items()):
        listen = gateway_port(port, chosen)
        if served[listen] != port:
            message = (
                f"the Gateway ports {served[listen]} and {port} would both listen on {listen}: {port} is not served"
            )
            yield problem("TNO406", where, message, f"choose another: --gateway-port {port}=<port>")


def gateway_port(port: int, chosen: Mapping[int, int]) -> int:
    """80 → 8080 and 443 → 8443, so that nobody has to be root; others as they are, unless chosen otherwise."""
    return chosen.get(port, port + _OFFSET if port < _UNPRIVILEGED else port)


def require_free(ports: Mapping[int, int], where: Callable[[int], object]) -> None:
    """Gateway port → listen port, and where the former stands. Raises PortTaken."""
    for port, listen in sorted(ports.items()):
        if not free(listen):
            raise PortTaken(
                f"{where(port)}: {taken(port, listen)}",
                f"stop it, or choose another port: --gateway-port {port}=<port>",
            )


def taken(port: int, listen: int) -> str:
    """Who listens where a gateway's port should, as far as that can be known."""
    holder = port_holder(listen)
    return f"port {listen} (for the Gateway's port {port}) is taken" + (f" by {holder}" if holder else "")


class EgressPorts:
    """A workload's proxy keeps its port, also when Turnout starts again: running processes know it by heart.

    On a full disk the ports are known only until this Turnout ends; that costs a rolling restart, no request.
    """

    def __init__(self, records: Records, ports: Ports) -> None:
        self._records = records
        self._free = ports
        self._ports = {name: int(json.loads(value)) for name, value in records.all("egress").items()}
        for port in self._ports.values():
            ports.keep(port)

    def renew(self) -> None:
        """Nothing runs that knows them: those that somebody else has taken meanwhile are given up."""
        self._ports = {name: port for name, port in self._ports.items() if free(port)}

    def of(self, namespace: str, workload: str) -> int:
        return self._of(f"{namespace}/{workload}")

    def outlets(self, namespace: str, workload: str, services: Iterable[tuple[str, int]]) -> tuple[Outlet, ...]:
        """Where a workload finds TCP ports of services. A port stays its own as long as the workload is there.

        Also when the service is gone: a process that still knows it must not find another service there.
        """
        name = f"{namespace}/{workload}"
        return tuple(Outlet(host, port, self._of(f"{name}/{host}:{port}")) for host, port in services)

    def _of(self, name: str) -> int:
        if name not in self._ports:
            self._ports[name] = self._free.take()
            with suppress(StateBroken):
                self._records.put("egress", name, json.dumps(self._ports[name]))
        return self._ports[name]

    def keep(self, workloads: Iterable[tuple[str, str]]) -> None:
        """Forgets the ports of workloads that are no more."""
        wanted = {f"{namespace}/{name}" for namespace, name in workloads}
        for name in [name for name in self._ports if "/".join(name.split("/")[:2]) not in wanted]:
            self._free.give_back(self._ports.pop(name))
            with suppress(StateBroken):
                self._records.remove("egress", name)


class LastPorts:
    """Where a server listened last time: there it is looked for after a restart."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def start(self, name: str, start: Callable[[int], Awaitable[int]], chosen: int = 0) -> int:
        """`start(port)` on the chosen port, or else on the last one, or else on any; its port is kept.

        Raises PortTaken when the chosen one is.
        """
        port = await self._started(start, chosen or self._last(name), required=bool(chosen))
        with suppress(StateBroken):
            self._records.put("port", name, json.dumps(port))
        return port

    async def _started(self, start: Callable[[int], Awaitable[int]], port: int, *, required: bool) -> int:
        try:
            return await start(port)
        except PortTaken:
            if required or not port:
                raise
            return await start(0)

    def _last(self, name: str) -> int:
        value = self._records.all("port").get(name)
        return int(json.loads(value)) if value else 0
