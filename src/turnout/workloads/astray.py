"""Where a program listens that does not listen where its pod is reached: the most common mistake of all."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from turnout.process import listening_ports, namespace_ports
from turnout.workloads.running import Running
from turnout.workloads.workload import Workload


def astray(workload: Workload, running: Running, ports: Mapping[int, int]) -> str:
    """What to tell of it, with its remedy; empty if it listens nowhere yet, or where it should. It may take a while."""
    if workload.container is not None and workload.container.network == "own":
        return _astray_inside(running.pid, list(ports))
    found = listening_ports(running.pid)
    if not found or found & set(ports.values()):
        return ""
    wanted = next(iter(ports.values()))
    return (
        f"listens on port {_listed(found)} instead of its PORT, {wanted}: "
        "let it read the variable PORT, or use $(PORT) in run"
    )


def _astray_inside(pid: int, wanted: list[int]) -> str:
    found, hidden = namespace_ports(pid), namespace_ports(pid, loopback=True)
    if found & set(wanted):
        return ""
    if hidden & set(wanted):
        return f"listens on 127.0.0.1:{wanted[0]}, which only the container itself reaches: let it listen on 0.0.0.0"
    return f"listens on port {_listed(found)} instead of its containerPort, {wanted[0]}" if found else ""


def _listed(ports: Collection[int]) -> str:
    return ", ".join(str(port) for port in sorted(ports))
