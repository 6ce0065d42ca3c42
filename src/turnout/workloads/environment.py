"""The environment of one pod's process."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence

from turnout.resources.core import ContainerPort
from turnout.workloads.expansion import expand, fill
from turnout.workloads.status import UNDECLARED_PORT
from turnout.workloads.workload import Workload

POD = "TURNOUT_POD"
POD_UID = "TURNOUT_POD_UID"


def port_variable(port: ContainerPort, index: int) -> str:
    """PORT for the first port; PORT_<NAME>, or PORT_<NUMBER> of one without a name, for the others."""
    if index == 0:
        return "PORT"
    return "PORT_" + re.sub(r"\W", "_", (port.name or str(port.container_port)).upper())


def port_variables(ports: Sequence[ContainerPort], actual: Mapping[int, int]) -> dict[str, str]:
    """PORT and its like, with the ports that this pod was given."""
    if not ports:
        return {"PORT": str(actual[UNDECLARED_PORT])} if UNDECLARED_PORT in actual else {}
    return {port_variable(port, i): str(actual[port.container_port]) for i, port in enumerate(ports)}


def environment(workload: Workload, pod: str, actual: Mapping[int, int], outer: Mapping[str, str]) -> dict[str, str]:
    """`outer` (Turnout's own) below what the manifest and Turnout set; PORT of the manifest gives way to ours.

    Python would keep a log file's lines to itself for kilobytes, so that it is told not to.
    """
    return {"PYTHONUNBUFFERED": "1", **outer, **variables(workload, pod, actual)}


def container_variables(workload: Workload, pod: str, actual: Mapping[int, int]) -> dict[str, str]:
    """Of a container: what the manifest and Turnout set, above what its image does; nothing of this machine's."""
    return {"PYTHONUNBUFFERED": "1", **variables(workload, pod, actual)}


def variables(workload: Workload, pod: str, actual: Mapping[int, int]) -> dict[str, str]:
    """What commands and values may refer to: each value knows those before it, and PORT always."""
    ours = port_variables(workload.ports, actual)
    ours |= {POD: pod, POD_UID: str(uuid.uuid5(uuid.NAMESPACE_DNS, pod))}
    found = dict(ours)
    for name, value in (*workload.services, *workload.env):
        found[name] = ours[name] if name in ours else expand(value, found)
    return found


def command(workload: Workload, known: Mapping[str, str]) -> list[str]:
    """`run`, with this pod's variables filled in."""
    return [fill(word, known) for word in workload.run or ()]
